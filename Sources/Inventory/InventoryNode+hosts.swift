import Fleet

/// Where the agent's script comes from.
enum AgentPlace: String, CaseIterable {
  /// It is sent along at every visit.
  case sent
  /// `certfleet agent install` has put it there.
  case installed
}

/// What else has certificates on hosts, and makes room for ours.
enum TakeOverChoice: String, CaseIterable {
  case certbot
  /// Whatever the defaults say.
  case none

  var takeOver: Host.TakeOver? { self == .certbot ? .certbot : nil }
}

/// What `defaults` may set, for everything that is silent about it.
struct Defaults {
  var user: String?
  var port: UInt16 = 22
  var connection = ConnectionKind.auto
  var become: Become?
  var identity: String?
  var passphraseFile: String?
  var via: Host.Name?
  var sshConfiguration = SSHConfigurationPlace.ignored
  var base = Host.standardBase
  var takeOver: Host.TakeOver?
  var hasAgent = false
  var site: String?
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
      if let connection = fields["connection"]?.choice(ConnectionKind.self) {
        defaults.connection = connection
      }
      defaults.become = fields["become"]?.become()
      defaults.identity = fields["identity"]?.localPath()
      defaults.passphraseFile = fields["passphrase_file"]?.secretFile()
      defaults.via = fields["via"]?.name().map { Host.Name($0) }
      if let place = fields["ssh_config"]?.sshConfiguration() { defaults.sshConfiguration = place }
      if let base = fields["base"]?.hostPath() { defaults.base = base }
      defaults.takeOver = fields["take_over"]?.choice(TakeOverChoice.self)?.takeOver
      if let agent = fields["agent"]?.choice(AgentPlace.self) { defaults.hasAgent = agent == .installed }
      defaults.site = fields["site"]?.name()
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
      let connection = fields["connection"].map { $0.choice(ConnectionKind.self) } ?? defaults.connection
      let address = fields["address"].map { $0.address() } ?? (connection == .local ? "localhost" : name)
      let host = name.flatMap { name in
        address.map { Host(name: Host.Name(name), address: $0) }
      }
      let port = fields["port"]?.port()
      let user = fields["user"]?.name()
      // `false` is none, whatever the defaults say.
      let become = fields["become"].map { $0.become() }
      let identity = fields["identity"]?.localPath()
      let passphraseFile = fields["passphrase_file"]?.secretFile()
      let via = fields["via"]?.name().map { Host.Name($0) }
      let base = fields["base"]?.hostPath()
      let takeOver = fields["take_over"]?.choice(TakeOverChoice.self)
      let agent = fields["agent"]?.choice(AgentPlace.self)
      let labels = fields["labels"]?.labels()
      let lookEvery = fields["look_every"]?.lookInterval()
      let site = fields["site"]?.name()
      let place = fields["ssh_config"].map { $0.sshConfiguration() } ?? defaults.sshConfiguration
      guard var host else { return nil }
      host.connection = connection ?? .auto
      if host.connection == .local {
        fields["via"]?.fail("is this machine itself, which is reached through no other")
        host.port = port ?? defaults.port
      } else if let (use, settings) = place.flatMap({ settings(of: host.address, $0, ask) }) {
        host.sshConfig = use
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
      host.takeOver = takeOver.map(\.takeOver) ?? defaults.takeOver
      host.hasAgent = agent.map { $0 == .installed } ?? defaults.hasAgent
      host.labels = labels ?? [:]
      host.lookEvery = lookEvery
      host.site = site ?? defaults.site
      return host
    }
  }

  private func settings(
    of address: String, _ place: SSHConfigurationPlace, _ ask: SSHSettings.Reader
  ) -> (SSHConfigUse, SSHSettings)? {
    let file: String?
    switch place {
    case .ignored: return nil
    case .standard: file = nil
    case .file(let path): file = path
    }
    do {
      let settings = try ask(address, file)
      return (
        SSHConfigUse(
          host: address, file: file, directives: settings.directives, unhonoured: settings.unhonoured),
        settings
      )
    } catch {
      fail("ssh does not say how it would reach '\(address)': \(error)")
      return nil
    }
  }
}

extension InventoryNode {
  /// `true` is sudo; `false` is nobody else than the login's user.
  func become() -> Become? {
    if case .bool(let isWanted) = value { return isWanted ? Become() : nil }
    return object { fields in
      let method = fields["method"].map { $0.choice(Become.Method.self) } ?? .sudo
      let user = fields["user"]?.accountName()
      let passwordFile = fields["password_file"]?.secretFile()
      if method == .doas, let file = fields["password_file"] {
        file.fail(
          "doas asks for passwords on a terminal alone; allow it without one: 'permit nopass' in doas.conf")
      }
      guard let method else { return nil }
      return Become(method, user: user == "root" ? nil : user, passwordFile: passwordFile)
    }
  }
}
