public import Fleet

/// What one visit asks of a host. It is a value that knows its bytes; nothing here does I/O.
public struct AgentRequest: Sendable {
  /// Guards every frame of the reply; a hook never sees it.
  public let nonce: String
  public let token: VisitToken
  public let epoch: Int
  public let rollout: Rollout.ID
  public let wave: Int
  public let visit: PlannedVisit
  public let materials: Materials
  /// How long the host waits for the controller's word after the deploy hooks; zero does not ask.
  public let confirmTimeout: Duration

  /// What a visit's certificates are on disk.
  public struct Materials: Sendable {
    public var files: [File]
    /// Certificates whose key the host has made itself.
    public var hostKeys: [HostKey]

    public init(files: [File] = [], hostKeys: [HostKey] = []) {
      self.files = files
      self.hostKeys = hostKeys
    }
  }

  /// A key that never leaves its host, by its name there.
  public struct HostKey: Sendable {
    public let lineage: Lineage.Name
    public let id: String
    public let generation: Generation

    public init(lineage: Lineage.Name, id: String, generation: Generation) {
      self.lineage = lineage
      self.id = id
      self.generation = generation
    }
  }

  /// One file of one certificate.
  public struct File: Sendable {
    public let lineage: Lineage.Name
    public let name: String
    public let mode: String
    public let base64: String

    public init(lineage: Lineage.Name, name: String, mode: String, base64: String) {
      self.lineage = lineage
      self.name = name
      self.mode = mode
      self.base64 = base64
    }
  }

  public init(
    nonce: String, token: VisitToken, epoch: Int, rollout: Rollout.ID, wave: Int, visit: PlannedVisit,
    materials: Materials, confirmTimeout: Duration
  ) {
    self.nonce = nonce
    self.token = token
    self.epoch = epoch
    self.rollout = rollout
    self.wave = wave
    self.visit = visit
    self.materials = materials
    self.confirmTimeout = confirmTimeout
  }

  /// The hooks of the visit in the order in which they run, each with the index that its frames carry. Identical
  /// pre and post hooks of several certificates run once.
  public var hooks: AgentHooks { AgentHooks(visit) }

  /// Script, request and start, for the stdin of `AgentScript.command`.
  public var bytes: [UInt8] { Self.conversation(records: records, nonce: nonce, command: "visit") }

  /// Asks how a visit ended that the controller lost sight of.
  public static func query(
    _ token: VisitToken, nonce: String, host: Host, patience: Duration
  ) -> [UInt8] {
    conversation(
      records: [
        "visit \(token) 0 0 0 \(host.name) \(Int(patience.seconds.rounded(.up)))",
        "base \(encode(host.base))",
      ], nonce: nonce, command: "query")
  }

  /// The controller's word after it has looked at what the host serves.
  public enum Word: Hashable, Sendable {
    case commit
    case revert(because: String)

    public func bytes(nonce: String) -> [UInt8] {
      switch self {
      case .commit: Array("\(nonce) commit\n".utf8)
      case .revert(let reason): Array("\(nonce) revert \(reason.visible)\n".utf8)
      }
    }
  }

  var records: [String] {
    let seconds = Int(confirmTimeout.seconds.rounded(.up))
    var records = [
      "visit \(token) \(epoch) \(rollout) \(wave) \(visit.host.name) \(seconds)",
      "base \(Self.encode(visit.host.base))",
    ]
    for certificate in visit.certificates {
      let domains = certificate.domains.joined(separator: " ")
      records.append(
        "cert \(certificate.lineage.declared) \(certificate.generation) \(certificate.fingerprint) \(Self.encode(domains))"
      )
    }
    records += materials.files.map { "file \($0.lineage.declared) \($0.name) \($0.mode) \($0.base64)" }
    records += materials.hostKeys.map { "hostkey \($0.lineage.declared) \($0.id) \($0.generation)" }
    records += hooks.all.map { hook in
      let lineage = hook.lineage?.declared.rawValue ?? "-"
      let seconds = Int(hook.hook.timeout.seconds.rounded(.up))
      return
        "hook \(hook.moment.rawValue) \(lineage) \(hook.index) \(seconds) \(Self.encode(hook.hook.command))"
    }
    return records
  }

  /// Every value in a record is a validated name, a number or base64: none can end the single-quoted literal.
  static func conversation(records: [String], nonce: String, command: String) -> [UInt8] {
    Array(
      """
      \(AgentScript.text)
      certfleet_request='\(records.joined(separator: "\n"))'
      certfleet_main \(nonce) \(command) end

      """.utf8)
  }

  static func encode(_ text: String) -> String { Base64.encode(text.utf8) }
}
