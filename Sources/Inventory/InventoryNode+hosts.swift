import Fleet

/// Where the agent's script comes from.
enum AgentPlace: String, CaseIterable {
  /// It is sent along at every visit.
  case sent
  /// `certfleet agent install` has put it there.
  case installed
}

/// What `defaults` may set, for everything that is silent about it.
struct Defaults {
  var user: String?
  var port: UInt16 = 22
  var become = false
  var identity: String?
  var passphraseFile: String?
  var via: Host.Name?
  var sshConfiguration = SSHConfigurationPlace.ignored
  var base = Host.standardBase
  var hasAgent = false
  var parallel = RolloutPolicy.standard.parallel
  /// Of policies that say nothing.
  var lookEvery: LookInterval?
  /// For all rollouts, beside their own.
  var limits: [ParallelLimit] = []

  /// The policy of deployments that name none, where the defaults change it.
  var standardPolicy: RolloutPolicy? {
    var policy = RolloutPolicy.standard
    (policy.parallel, policy.limits, policy.lookEvery) = (parallel, limits, lookEvery)
    return policy == .standard ? nil : policy
  }
}

extension InventoryNode {
  func defaults() -> Defaults? {
    object { fields in
      var defaults = Defaults()
      defaults.user = fields["user"]?.name()
      if let port = fields["port"]?.port() { defaults.port = port }
      if let become = fields["become"]?.bool() { defaults.become = become }
      defaults.identity = fields["identity"]?.localPath()
      defaults.passphraseFile = fields["passphrase_file"]?.secretFile()
      defaults.via = fields["via"]?.name().map { Host.Name($0) }
      if let place = fields["ssh_config"]?.sshConfiguration() { defaults.sshConfiguration = place }
      if let base = fields["base"]?.hostPath() { defaults.base = base }
      if let agent = fields["agent"]?.choice(AgentPlace.self) { defaults.hasAgent = agent == .installed }
      if let parallel = fields["parallel"]?.parallel() { defaults.parallel = parallel }
      if let limits = fields["limits"]?.limits() { defaults.limits = limits }
      defaults.lookEvery = fields["look_every"]?.lookInterval()
      return defaults
    }
  }

  /// - Parameter ask: what ssh would do, for hosts that want it. It goes before the defaults, and what the host itself says
  ///   goes before it, as ssh's own options do.
  func host(_ defaults: Defaults, asking ask: SSHSettings.Reader) -> Host? {
    object { fields in
      let name = fields.required("name")?.name()
      let address = fields["address"].map { $0.address() } ?? name
      let host = name.flatMap { name in
        address.map { Host(name: Host.Name(name), address: $0) }
      }
      let port = fields["port"]?.port()
      let user = fields["user"]?.name()
      let become = fields["become"]?.bool()
      let identity = fields["identity"]?.localPath()
      let passphraseFile = fields["passphrase_file"]?.secretFile()
      let via = fields["via"]?.name().map { Host.Name($0) }
      let base = fields["base"]?.hostPath()
      let agent = fields["agent"]?.choice(AgentPlace.self)
      let labels = fields["labels"]?.labels()
      let lookEvery = fields["look_every"]?.lookInterval()
      let place = fields["ssh_config"].map { $0.sshConfiguration() } ?? defaults.sshConfiguration
      guard var host else { return nil }
      if let settings = place.flatMap({ settings(of: host.address, $0, ask) }) {
        (host.address, host.port, host.user) = (
          settings.address, port ?? settings.port, user ?? settings.user
        )
        host.identity = identity ?? settings.identity
        host.via = via ?? settings.jumps.last.map { Host.Name($0) }
        host.keyAlias = settings.keyAlias
      } else {
        (host.port, host.user) = (port ?? defaults.port, user ?? defaults.user)
        host.identity = identity ?? defaults.identity
        // The default is for all but the one that it names.
        host.via = via ?? (defaults.via == host.name ? nil : defaults.via)
      }
      host.become = become ?? defaults.become
      host.passphraseFile = passphraseFile ?? (identity == nil ? defaults.passphraseFile : nil)
      host.base = base ?? defaults.base
      host.hasAgent = agent.map { $0 == .installed } ?? defaults.hasAgent
      host.labels = labels ?? [:]
      host.lookEvery = lookEvery
      return host
    }
  }

  private func settings(
    of address: String, _ place: SSHConfigurationPlace, _ ask: SSHSettings.Reader
  ) -> SSHSettings? {
    let file: String?
    switch place {
    case .ignored: return nil
    case .standard: file = nil
    case .file(let path): file = path
    }
    do {
      return try ask(address, file)
    } catch {
      fail("ssh does not say how it would reach '\(address)': \(error)")
      return nil
    }
  }
}
