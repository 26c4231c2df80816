package import Fleet
package import FoundationEssentials

/// What hosts have today: a line for each certificate, over all hosts that have it.
package struct DiscoveredFleet: Sendable {
  package let hosts: [DiscoveredHost]
  package let lines: [Line]
  /// Hosts that said nothing, and why.
  package let failed: [Host.Name: String]
  private let managed: Set<Fingerprint>
  /// What hosts have more than once, as for two kinds of key.
  private let doubles: [(name: String, host: Host.Name)]

  /// The same names on several hosts.
  package struct Line: Hashable, Sendable {
    package let names: [String]
    /// By host, which may have one of its own each.
    package var certificates: [Host.Name: DiscoveredCertificate]
    /// Whether certfleet brought it there.
    package let isManaged: Bool

    package var hosts: [Host.Name] { certificates.keys.sorted() }
    package var ends: Date { certificates.values.map(\.notAfter).min() ?? .distantFuture }
    package var services: [String] { Set(certificates.values.flatMap(\.uses).map(\.service)).sorted() }
    package var ports: [Int] { Set(certificates.values.flatMap(\.ports).map(\.number)).sorted() }
    package var clients: [String] {
      Set(certificates.values.compactMap { $0.client?.program.rawValue }).sorted()
    }
    package var issuer: String { certificates.sorted { $0.key < $1.key }.first?.value.issuer ?? "" }
    package var isSelfSigned: Bool { certificates.values.allSatisfy(\.isSelfSigned) }

    /// As certbot knows it, else its first name.
    package var name: String {
      let certbots = Set(
        certificates.values.compactMap { $0.client?.program == .certbot ? $0.client?.name : nil })
      if certbots.count == 1, let name = certbots.first { return name }
      return ImportedHost.name(from: (names.first ?? "certificate").replacing("*", with: "_"))
    }
  }

  /// - Parameter managed: certificates that certfleet has issued or taken in.
  package init(_ hosts: [DiscoveredHost], failed: [Host.Name: String] = [:], managed: Set<Fingerprint> = []) {
    (self.hosts, self.failed, self.managed) = (hosts, failed, managed)
    var lines: [[String]: [Bool: Line]] = [:]
    var doubles: [(name: String, host: Host.Name)] = []
    for host in hosts {
      for certificate in host.certificates {
        let isManaged = managed.contains(certificate.fingerprint)
        let key = certificate.names.sorted()
        var line =
          lines[key]?[isManaged] ?? Line(names: certificate.names, certificates: [:], isManaged: isManaged)
        if let other = line.certificates[host.host.name] {
          if !isManaged { doubles.append((line.name, host.host.name)) }
          if other.notAfter > certificate.notAfter { continue }
        }
        line.certificates[host.host.name] = certificate
        lines[key, default: [:]][isManaged] = line
      }
    }
    self.doubles = doubles
    self.lines = lines.values.flatMap(\.values).sorted {
      ($0.isManaged ? 1 : 0, $0.ends, $0.name) < ($1.isManaged ? 1 : 0, $1.ends, $1.name)
    }
  }

  /// An inventory that would take over what certfleet does not manage.
  package var imported: ImportedFleet {
    var fleet = ImportedFleet()
    var takenOver: Set<Host.Name> = []
    var names: Set<String> = []
    for line in lines where !line.isManaged {
      let hosts = HostSet.folded(line.hosts)
      guard !line.isSelfSigned else {
        fleet.note("certifies itself on \(hosts), and is left as it is", of: line.name)
        continue
      }
      guard line.certificates.values.contains(where: { !$0.uses.isEmpty || $0.client?.program == .certbot })
      else {
        fleet.note("is on \(hosts), and no service was found that reads it", of: line.name)
        continue
      }
      let clients = line.certificates.values.compactMap(\.client)
      guard
        let directory = clients.map(\.directory).first(where: { !$0.isEmpty })
          ?? Self.directory(of: line.issuer)
      else {
        fleet.note(
          "comes from \(line.issuer.visible), on \(hosts), which is not known here: declare that issuer and the certificate, or give it as files",
          of: line.name)
        continue
      }
      guard names.insert(line.name).inserted else {
        fleet.note(
          "is on \(hosts) with other names (\(line.names.joined(separator: ", "))); give it another name",
          of: line.name)
        continue
      }
      if line.services.isEmpty, clients.allSatisfy({ $0.deployHook == nil }) {
        fleet.note(
          "is read on \(hosts) by no service that was found; say what reloads it: hooks", of: line.name)
      }
      var certificate = ImportedCertificate(name: line.name, domains: line.names, directory: directory)
      certificate.keyType =
        Set(line.certificates.values.map(\.keyType)).count == 1
        ? line.certificates.values.first?.keyType : nil
      certificate.challenge = clients.compactMap(\.proof).first
      let others = Set(clients.filter { $0.program != .certbot }.map(\.program.rawValue)).sorted()
      if !others.isEmpty {
        certificate.release = "end its renewals by \(others.joined(separator: " and ")) on \(hosts)"
      }
      let withHooks = Set(self.hosts.filter(\.hasDirectoryHooks).map(\.host.name))
      let byWay = Dictionary(grouping: line.certificates) { host, certificate in
        Way(certificate, hasDirectoryHooks: withHooks.contains(host))
      }
      for (way, hosts) in byWay.sorted(by: {
        ($0.value.map(\.key).min() ?? "") < ($1.value.map(\.key).min() ?? "")
      }) {
        let names = hosts.map(\.key).sorted()
        if way.takesOver { takenOver.formUnion(names) }
        for selector in selectors(of: names) {
          certificate.deployments.append(
            .init(
              selector: selector, files: way.files, hooks: way.hooks, hookDirectory: way.hookDirectory,
              ports: way.ports))
        }
      }
      fleet.certificates.append(certificate)
    }
    for host in hosts where takenOver.contains(host.host.name) {
      fleet.add(ImportedHost(takingOver: host.host))
    }
    for (name, host) in doubles {
      fleet.note(
        "has \(name) more than once, perhaps with two kinds of key; the one that ends last is written",
        of: host.rawValue)
    }
    for host in hosts { for note in host.notes { fleet.note(note, of: host.host.name.rawValue) } }
    for (host, why) in failed { fleet.note("said nothing: \(why)", of: host.rawValue) }
    return fleet
  }

  /// How a certificate goes to a host: where, and who is told.
  private struct Way: Hashable {
    let takesOver: Bool
    let files: [ImportedCertificate.File]
    let hooks: [String]
    let hookDirectory: String?
    let ports: [DiscoveredCertificate.Port]

    init(_ certificate: DiscoveredCertificate, hasDirectoryHooks: Bool) {
      let isCertbots = certificate.client?.program == .certbot
      takesOver = isCertbots
      // What reads certbot's folder reads it still.
      let own = certificate.uses.filter { use in
        !(isCertbots
          && ["live", "archive"].contains { use.certificate.hasPrefix("/etc/letsencrypt/\($0)/") })
      }
      var seen: Set<String> = []
      // Several services may read the same.
      files = own.filter { seen.insert($0.certificate).inserted }.map { use in
        let owner = use.ownership.flatMap { $0.owner == "root" ? nil : $0.owner }
        let group = use.ownership.flatMap { $0.group == "root" ? nil : $0.group }
        let mode = use.ownership.flatMap {
          ["0600", "0640", "0400", "0440"].contains($0.octal) && $0.octal != "0600" ? $0.octal : nil
        }
        return .placed(certificate: use.certificate, key: use.key, owner: owner, group: group, mode: mode)
      }
      let readyMade = Set(certificate.uses.map(\.service)).sorted().map { "@" + $0 }
      // What was run after a renewal does what nobody knows, beside reloading.
      hooks = readyMade + (certificate.client?.deployHook.map { [$0] } ?? [])
      hookDirectory = isCertbots && hasDirectoryHooks ? "/etc/letsencrypt/renewal-hooks" : nil
      ports = certificate.ports.sorted { $0.number < $1.number }
    }
  }

  /// All, a label, or each by its name.
  private func selectors(of names: [Host.Name]) -> [String] {
    let wanted = Set(names)
    if wanted.count == hosts.count, wanted.count > 1 { return ["*"] }
    for (key, value) in hosts.filter({ wanted.contains($0.host.name) }).first?.host.labels.sorted(by: {
      $0.key < $1.key
    }) ?? []
    where names.count > 1 && Set(hosts.filter { $0.host.labels[key] == value }.map(\.host.name)) == wanted {
      return [value == "yes" ? key : "\(key)=\(value)"]
    }
    return names.map { "name:\($0)" }
  }

  /// A CA whose directory is known, by the name of an intermediate of its.
  private static func directory(of issuer: String) -> String? {
    let isLetsEncrypt =
      issuer.wholeMatch(of: /(R|E|YR|YE)[0-9]{1,2}/) != nil || issuer.hasPrefix("Let's Encrypt")
    if isLetsEncrypt { return "https://acme-v02.api.letsencrypt.org/directory" }
    return issuer.hasPrefix("ZeroSSL") ? "https://acme.zerossl.com/v2/DV90" : nil
  }
}

extension ImportedHost {
  /// The host as it is declared, with certbot's folder as its base.
  fileprivate init(takingOver host: Host) {
    self.init(name: host.name.rawValue)
    if host.address != host.name.rawValue { address = host.address }
    (port, user, become, identity) = (
      host.port == 22 ? nil : Int(host.port), host.user, host.become, host.identity
    )
    (via, labels) = (host.via?.rawValue, host.labels)
    connection = host.connection == .auto ? nil : host.connection
    if let use = host.sshConfig { readsSSHConfig = use.file.map { .file($0) } ?? .standard }
    (base, takesOver) = ("/etc/letsencrypt", true)
  }
}
