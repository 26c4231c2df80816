import Fleet
import FoundationEssentials

extension ImportedFleet {
  /// An inventory in JSON5 with comments, to be read before it is applied.
  ///
  /// - Parameter source: where it comes from, for its first line.
  package func inventory(from source: String) -> String {
    var lines = ["// From \(source.visible). Read it, then: certfleet apply FILE"]
    if !notes.isEmpty {
      lines.append("// Not taken, or not as it was:")
      lines += noteLines.map { "//   \($0)" }
    }
    lines.append("{")
    let shared = SharedFields(hosts)
    if !shared.text.isEmpty { lines.append("  defaults: { \(shared.text) },") }
    if !hosts.isEmpty || certificates.isEmpty {
      if hosts.contains(where: \.takesOver) {
        lines.append(
          "  // In the place of those of these names: say base and take_over where they are declared.")
      }
      lines.append("  hosts: [")
      lines += hosts.map { host in
        "    { \(host.fields(beside: shared)) }," + (host.comment.map { " // \($0.visible)" } ?? "")
      }
      lines.append("  ],")
    }
    lines += certificates.isEmpty ? nextSteps : certificateLines
    return lines.joined(separator: "\n") + "\n}\n"
  }

  /// A line for each kind of note, its subjects folded.
  package var noteLines: [String] {
    notes.map { note in "\(HostSet.folded(note.of.map { Host.Name($0.visible) })): \(note.what.visible)" }
  }

  private var nextSteps: [String] {
    let label = hosts.flatMap(\.labels).sorted { $0.key < $1.key }.first.map { key, value in
      value == "yes" ? key : "\(key)=\(value)"
    }
    return """
        // What goes to them, for example:
        // issuers: [
        //   { name: "letsencrypt", type: "acme", directory: "https://acme-v02.api.letsencrypt.org/directory",
        //     contact: "mailto:ops@example.com", agree_to_terms: true },
        // ],
        // certificates: [
        //   { name: "example.com", domains: ["example.com"], issuer: "letsencrypt",
        //     deploy: [{ to: "\(label ?? "*")", hooks: { deploy: ["@nginx"] }, verify: [{ tls: 443 }] }] },
        // ],
      """.split(separator: "\n").map(String.init)
  }

  private var certificateLines: [String] {
    var lines = ["  issuers: ["]
    let directories = certificates.map(\.directory).uniqued
    for directory in directories {
      let contact = certificates.first { $0.directory == directory && $0.contact?.contains("@") ?? false }?
        .contact
      let place = directory.isEmpty ? "https://acme-v02.api.letsencrypt.org/directory" : directory
      if directory.isEmpty { lines.append("    // Which CA it was is not known; this one is a guess.") }
      lines.append(
        "    { name: \(Self.issuerName(directory).quoted), type: \"acme\", directory: \(place.quoted), agree_to_terms: true"
          + (contact.map { ", contact: \("mailto:\($0)".quoted)" } ?? "") + " },")
    }
    lines += ["  ],", "  certificates: ["]
    let host = hosts.first { $0.connection == .local }?.name ?? "*"
    for certificate in certificates {
      lines += certificate.lines(issuer: Self.issuerName(certificate.directory), on: host)
    }
    lines.append("  ],")
    return lines
  }

  private static func issuerName(_ directory: String) -> String {
    let host = URL(string: directory)?.host ?? "acme"
    switch host {
    case "acme-v02.api.letsencrypt.org": return "letsencrypt"
    case "acme-staging-v02.api.letsencrypt.org": return "letsencrypt-staging"
    case "acme.zerossl.com": return "zerossl"
    default: return ImportedHost.name(from: host)
    }
  }
}

/// What all hosts have in common is said once.
private struct SharedFields {
  let user: String?
  let port: Int?
  let identity: String?
  let become: Become?
  let readsSSHConfig: ImportedHost.SSHConfig?

  init(_ hosts: [ImportedHost]) {
    let hosts = hosts.filter { $0.connection != .local }
    func shared<Value: Hashable>(_ field: KeyPath<ImportedHost, Value?>) -> Value? {
      guard hosts.count > 1, let first = hosts[0][keyPath: field] else { return nil }
      return hosts.allSatisfy { $0[keyPath: field] == first } ? first : nil
    }
    (user, port, identity) = (shared(\.user), shared(\.port), shared(\.identity))
    (become, readsSSHConfig) = (shared(\.become), shared(\.readsSSHConfig))
  }

  var text: String {
    [
      user.map { "user: \($0.quoted)" }, port.map { "port: \($0)" },
      identity.map { "identity: \($0.quoted)" },
      become.map { "become: \($0.text)" }, readsSSHConfig.map { "ssh_config: \($0.text)" },
    ].compactMap(\.self).joined(separator: ", ")
  }
}

extension ImportedHost {
  fileprivate func fields(beside shared: SharedFields) -> String {
    var fields = ["name: \(name.quoted)"]
    func add(_ name: String, _ value: String?) { if let value { fields.append("\(name): \(value)") } }
    add("connection", connection?.rawValue.quoted)
    add("address", address?.quoted)
    if port != shared.port { add("port", port.map(String.init)) }
    if user != shared.user { add("user", user?.quoted) }
    if become != shared.become { add("become", become?.text ?? "false") }
    if identity != shared.identity { add("identity", identity?.quoted) }
    if readsSSHConfig != shared.readsSSHConfig { add("ssh_config", readsSSHConfig?.text) }
    add("via", via?.quoted)
    add("base", base?.quoted)
    if takesOver { add("take_over", "certbot".quoted) }
    if !labels.isEmpty {
      let words = labels.sorted { $0.key < $1.key }.map { "\($0.key.asKey): \($0.value.quoted)" }
      add("labels", "{ \(words.joined(separator: ", ")) }")
    }
    return fields.joined(separator: ", ")
  }
}

extension ImportedHost.SSHConfig {
  fileprivate var text: String {
    switch self {
    case .standard: "true"
    case .file(let path): path.quoted
    }
  }
}

extension Become {
  fileprivate var text: String {
    guard self != Become(.sudo) else { return "true" }
    return "{ method: \(method.rawValue.quoted)\(user.map { ", user: \($0.quoted)" } ?? "") }"
  }
}

extension ImportedCertificate {
  fileprivate func lines(issuer: String, on host: String) -> [String] {
    var lines = [
      "    { name: \(name.quoted), domains: [\(domains.map(\.quoted).joined(separator: ", "))], issuer: \(issuer.quoted),"
    ]
    if let keyType { lines.append("      key: { type: \(keyType.rawValue.quoted) },") }
    switch challenge {
    case .listener?, nil: lines.append("      challenge: { type: \"http-01\", listen: \"0.0.0.0:80\" },")
    case .webroot(let folder)?:
      lines.append("      challenge: { type: \"http-01\", webroot: \(folder.quoted) },")
    case .hostWebroot(let folder)?:
      lines.append(
        "      challenge: { type: \"http-01\", via: \"hosts\", webroot: \(folder.quoted) },")
    case .provider(let name, let other)?:
      lines.append(
        "      // \(other.visible). What it needs to log in goes into a file of yours alone: credentials_file: \"…\""
      )
      lines.append("      challenge: { type: \"dns-01\", provider: \(name.quoted) },")
    case .unknown(let why)?:
      lines.append(
        "      // \(why.visible): say how it is proven here. Without that, http-01 on port 80 of this machine is used."
      )
    }
    if !release.isEmpty { lines.append("      // Once it is served from here: \(release.visible)") }
    let deployments =
      deployments.isEmpty
      ? [Deployment(selector: "name:\(host)", files: files, hooks: reload.map { [$0] } ?? [])] : deployments
    if deployments.count == 1 {
      lines.append("      deploy: [\(deployments[0].text)] },")
    } else {
      lines.append("      deploy: [")
      lines += deployments.map { "        \($0.text)," }
      lines.append("      ] },")
    }
    return lines
  }
}

extension ImportedCertificate.Deployment {
  fileprivate var text: String {
    var parts = ["to: \(selector.quoted)"]
    if !files.isEmpty { parts.append("files: [\(files.map(\.text).joined(separator: ", "))]") }
    let directories = hookDirectory.map { "directories: \($0.quoted)" }
    let deploy = hooks.isEmpty ? nil : "deploy: [\(hooks.map(\.quoted).joined(separator: ", "))]"
    let all = [deploy, directories].compactMap(\.self)
    if !all.isEmpty { parts.append("hooks: { \(all.joined(separator: ", ")) }") }
    let looks = ports.map { port in
      "{ tls: \(port.number)\(port.startTLS.map { ", starttls: \($0.rawValue.quoted)" } ?? "") }"
    }
    if !looks.isEmpty { parts.append("verify: [\(looks.joined(separator: ", "))]") }
    return "{ \(parts.joined(separator: ", ")) }"
  }
}

extension ImportedCertificate.File {
  fileprivate var text: String {
    switch self {
    case .pair(let certificate, let key): return Self.pem(certificate, key, "")
    case .fullChain(let path): return "{ format: \"fullchain\", path: \(path.quoted) }"
    case .placed(let certificate, let key, let owner, let group, let mode):
      let who = [("owner", owner), ("group", group), ("mode", mode)].compactMap { name, value in
        value.map { ", \(name): \($0.quoted)" }
      }.joined()
      return key.map { Self.pem(certificate, $0, who) }
        ?? "{ format: \"haproxy\", path: \(certificate.quoted)\(who) }"
    }
  }

  private static func pem(_ certificate: String, _ key: String, _ more: String) -> String {
    let isApart = certificate.folder != key.folder
    return
      "{ format: \"pem\", path: \(certificate.quoted), key_path: \(key.quoted)\(more)\(isApart ? ", allow: \"apart\"" : "") }"
  }
}
