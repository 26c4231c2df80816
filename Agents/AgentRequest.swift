package import Fleet
package import FoundationEssentials

/// What one visit asks of a host. It is a value that knows its bytes; nothing here does I/O.
package struct AgentRequest: Sendable {
  /// Guards every frame of the reply; a hook never sees it.
  package let nonce: String
  package let token: VisitToken
  package let epoch: Int
  /// Who asks; `nil` where a host is not to remember.
  package let controller: ControllerIdentity?
  package let rollout: Rollout.ID
  package let wave: Int
  package let visit: PlannedVisit
  package let materials: Materials
  /// How long the host waits for the controller's word after the deploy hooks; zero does not ask.
  package let confirmTimeout: Duration
  /// Whether what is active stays, when something fails after that.
  package let staysAsItIs: Bool

  /// What a visit's certificates are on disk.
  package struct Materials: Sendable {
    package var files: [File]
    /// Certificates whose key the host has made itself.
    package var hostKeys: [HostKey]
    /// The public keys of certificates, each as a SubjectPublicKeyInfo in DER (RFC 5280, 4.1.2.7).
    package var publicKeys: [(lineage: Lineage.Name, key: [UInt8])]
    /// Where files that are no part of certbot's layout go.
    package var destinations: [Destination]

    package init(
      files: [File] = [], hostKeys: [HostKey] = [],
      publicKeys: [(lineage: Lineage.Name, key: [UInt8])] = [], destinations: [Destination] = []
    ) {
      self.files = files
      self.hostKeys = hostKeys
      self.publicKeys = publicKeys
      self.destinations = destinations
    }
  }

  /// A key that never leaves its host, by its name there.
  package struct HostKey: Sendable {
    package let lineage: Lineage.Name
    package let id: String
    package let generation: Generation

    package init(lineage: Lineage.Name, id: String, generation: Generation) {
      self.lineage = lineage
      self.id = id
      self.generation = generation
    }
  }

  /// One file in the folder of one certificate's generation.
  package struct File: Sendable {
    package let lineage: Lineage.Name
    package let name: String
    package let mode: String
    package let content: [UInt8]

    package init(lineage: Lineage.Name, name: String, mode: String, content: [UInt8]) {
      self.lineage = lineage
      self.name = name
      self.mode = mode
      self.content = content
    }
  }

  /// A place on the host that a file of the generation is copied to.
  package struct Destination: Hashable, Sendable {
    package let lineage: Lineage.Name
    /// Files of the generation's folder, which follow each other in this one.
    package let parts: [String]
    package let path: String
    package let mode: String
    package let owner: String?
    package let group: String?
    package let allowances: [FileInstallation.Allowance]

    /// As the agent reads it, which need not know what the inventory has asked for.
    var allowed: String {
      let words = allowances.filter { $0 != .apart }.map(\.rawValue)
      return words.isEmpty ? "-" : words.joined(separator: "+")
    }

    package init(
      lineage: Lineage.Name, parts: [String], path: String, mode: String, owner: String?, group: String?,
      allowances: [FileInstallation.Allowance] = []
    ) {
      self.lineage = lineage
      self.parts = parts
      self.path = path
      self.mode = mode
      self.owner = owner
      self.group = group
      self.allowances = allowances
    }
  }

  package init(
    nonce: String, token: VisitToken, epoch: Int, rollout: Rollout.ID, wave: Int, visit: PlannedVisit,
    materials: Materials, confirmTimeout: Duration, staysAsItIs: Bool = false,
    controller: ControllerIdentity? = nil
  ) {
    self.nonce = nonce
    self.token = token
    self.epoch = epoch
    self.rollout = rollout
    self.wave = wave
    self.visit = visit
    self.materials = materials
    self.confirmTimeout = confirmTimeout
    self.staysAsItIs = staysAsItIs
    self.controller = controller
  }

  /// The hooks of the visit in the order in which they run, each with the index that its frames carry. Identical
  /// pre and post hooks of several certificates run once.
  package var hooks: AgentHooks { AgentHooks(visit) }

  /// Request and start, behind all of the script.
  package func bytes(now: Date) -> [UInt8] {
    Self.framed(records: records(now: now), nonce: nonce, command: "visit", host: visit.host)
  }

  /// The same with what the visit needs of the script, which is not copied for each host.
  package func parts(now: Date) -> [[UInt8]] {
    let request = Self.request(records: records(now: now), nonce: nonce, command: "visit")
    guard !visit.host.hasAgent else { return [request] }
    let script = AgentScript.Wire.visit(
      withFiles: !materials.destinations.isEmpty || visit.retires || visit.host.takeOver != nil,
      withDirectories: visit.certificates.contains { !$0.hooks.directories.isEmpty })
    return [script, request]
  }

  /// What a host asked for by `more`: the parts of the script that a visit may have come without.
  package static func rest(nonce: String) -> [UInt8] { AgentScript.Wire.rest + Array("\(nonce) end\n".utf8) }

  /// The same request, for the preflight alone.
  package func check(now: Date) -> [UInt8] {
    Self.framed(records: records(now: now), nonce: nonce, command: "check", host: visit.host)
  }

  /// Asks how a visit ended that the controller lost sight of.
  package static func query(
    _ token: VisitToken, nonce: String, host: Host, patience: Duration
  ) -> [UInt8] {
    framed(
      records: [
        "visit \(token) 0 0 0 \(host.name) \(Int(patience.seconds.rounded(.up))) 0",
        "base \(AgentField.encode(host.base))",
      ], nonce: nonce, command: "query", host: host)
  }

  /// The controller's word after it has looked at what the host serves.
  package enum Word: Hashable, Sendable {
    case commit
    case revert(because: String)

    package func bytes(nonce: String) -> [UInt8] {
      switch self {
      case .commit: Array("\(nonce) commit\n".utf8)
      case .revert(let reason): Array("\(nonce) revert \(reason.visible)\n".utf8)
      }
    }
  }

  func records(now: Date) -> [String] {
    let seconds = Int(confirmTimeout.seconds.rounded(.up))
    var records = [
      "visit \(token) \(epoch) \(rollout) \(wave) \(visit.host.name) \(seconds) \(Int(now.timeIntervalSince1970))",
      "base \(AgentField.encode(visit.host.base))",
    ]
    if let controller { records.append(Self.record(of: controller, epoch: epoch, now: now)) }
    if visit.retires { records.append("retire") }
    for certificate in visit.certificates {
      let (name, generation) = (certificate.lineage.declared, certificate.generation)
      records.append(Self.record(of: certificate))
      if let layout = certificate.layout { records.append(Self.record(of: layout, for: certificate.lineage)) }
      if let former = certificate.replaces, former.generation > generation { records.append("back \(name)") }
      if certificate.replacesOthers { records.append("mend \(name)") }
      if certificate.isGivenBack {
        records.append("certbot \(name) back")
      } else if visit.host.takeOver == .certbot, !certificate.isRetired {
        records.append("certbot \(name) take")
      }
      if certificate.isReturn { records.append("kept \(name) \(generation)") }
    }
    records += materials.files.indices.map(fileRecord)
    records += materials.publicKeys.compactMap(Self.record(of:))
    records += materials.hostKeys.map { "hostkey \($0.lineage.declared) \($0.id) \($0.generation)" }
    records += materials.destinations.map(Self.record(of:))
    return records + (staysAsItIs ? ["stay"] : []) + hookRecords
  }

  /// A fullchain that is what came just before it is not sent again.
  private func fileRecord(_ index: Int) -> String {
    let files = materials.files
    let file = files[index]
    let isBoth =
      file.name == "fullchain.pem" && index >= 2
      && files[index - 2..<index].map(\.name) == ["cert.pem", "chain.pem"]
      && files[index - 2..<index].allSatisfy { $0.lineage == file.lineage && AgentField.isPlain($0.content) }
      && files[index - 2].content + files[index - 1].content == file.content
    let content = isBoth ? "+" : AgentField.encode(bytes: file.content)
    return "file \(file.lineage.declared) \(file.name) \(file.mode) \(content)"
  }

  static func record(of controller: ControllerIdentity, epoch: Int, now: Date) -> String {
    "controller \(controller.id) \(controller.name) \(epoch) \(Int(now.timeIntervalSince1970))"
  }

  static func record(of certificate: PlannedCertificate) -> String {
    let domains = AgentField.encode(certificate.domains.joined(separator: " "))
    let generation = certificate.isRetired ? Generation(0) : certificate.generation
    return
      "cert \(certificate.lineage.declared) \(generation) \(certificate.fingerprint) \(domains)"
  }

  static func record(of file: Destination) -> String {
    let (owner, group) = (file.owner ?? "-", file.group ?? "-")
    let rest = "\(owner) \(group) \(file.allowed) \(AgentField.encode(file.path))"
    return "install \(file.lineage.declared) \(file.parts.joined(separator: "+")) \(file.mode) \(rest)"
  }

  /// `nil` for a key whose text cannot be looked for.
  static func record(of publicKey: (lineage: Lineage.Name, key: [UInt8])) -> String? {
    PublicKeyText(publicKey.key).map {
      "public \(publicKey.lineage.declared) \($0.texts.joined(separator: " "))"
    }
  }

  static func record(of layout: KeyLayout, for lineage: Lineage.Name) -> String {
    "layout \(lineage.declared) \(layout.owner ?? "-") \(layout.group ?? "-") \(layout.mode)"
  }

  private var hookRecords: [String] {
    let directories = visit.certificates.flatMap(\.hooks.directories)
    let seconds = Int(Hook.standardTimeout.seconds)
    return Self.unique(directories).map { "directory \(seconds) \(AgentField.encode($0))" }
      + hooks.all.map(Self.record(of:)) + Self.unique(hooks.all.compactMap(Self.need(of:)))
  }

  private static func record(of entry: AgentHooks.Entry) -> String {
    let lineages = entry.lineages.map(\.declared.rawValue).joined(separator: ",")
    let head = "hook \(entry.moment.rawValue) \(lineages.isEmpty ? "-" : lineages) \(entry.index)"
    return "\(head) \(seconds(of: entry.hook)) \(deed(of: entry.hook))"
  }

  /// The hook's line in the configuration of an installed agent: all that a request says of it but for whom it is.
  static func permission(for entry: AgentHooks.Entry) -> String {
    "hook \(entry.moment.rawValue) \(seconds(of: entry.hook)) \(deed(of: entry.hook))"
  }

  private static func seconds(of hook: Hook) -> Int { Int(hook.timeout.seconds.rounded(.up)) }

  /// Who runs what, and with which variables.
  private static func deed(of hook: Hook) -> String {
    let environment = hook.environment.sorted { $0.key < $1.key }.map {
      " \($0.key) \(AgentField.encode($0.value))"
    }
    return
      "\(hook.user ?? "-") \(hook.onFailure.rawValue) \(AgentField.encode(hook.shellCommand))\(environment.joined())"
  }

  /// The command that has to be on the host for the hook, where that can be told.
  static func program(of entry: AgentHooks.Entry) -> String? {
    entry.isCheck ? "openssl" : entry.hook.program
  }

  private static func need(of entry: AgentHooks.Entry) -> String? {
    guard let program = program(of: entry) else { return nil }
    let what =
      entry.isCheck
      ? "install it, or let the controller look: \(entry.words)"
      : "install it or correct the \(entry.moment.rawValue) hook: \(entry.words.visible.shortened(to: 80))"
    return "need \(AgentField.encode(program)) \(AgentField.encode(what))"
  }

  private static func unique(_ items: [String]) -> [String] {
    var seen: Set<String> = []
    return items.filter { seen.insert($0).inserted }
  }

  /// Every value in a record is a validated name, a number or a field: none can end the single-quoted literal.
  static func framed(records: [String], nonce: String, command: String, host: Host) -> [UInt8] {
    let request = request(records: records, nonce: nonce, command: command)
    guard !host.hasAgent else { return request }
    let script =
      switch command {
      case "look": AgentScript.Wire.look
      case "discover": AgentScript.Wire.discover
      default: AgentScript.Wire.whole
      }
    return script + request
  }

  private static func request(records: [String], nonce: String, command: String) -> [UInt8] {
    Array(
      """
      certfleet_request='\(records.joined(separator: "\n"))'
      certfleet_main \(nonce) \(AgentScript.version) \(command) end

      """.utf8)
  }
}

extension AgentHooks.Entry {
  /// Whether it is a look of ours at what the host serves, and no hook of the user's.
  fileprivate var isCheck: Bool { moment == .verify && hook.command.hasPrefix("set --") }
}
