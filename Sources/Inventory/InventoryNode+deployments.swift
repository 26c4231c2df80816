import Fleet

extension InventoryNode {
  func deployment(firstDomain: String?) -> Deployment? {
    object { fields in
      let selector = fields.required("to")?.selector()
      let rollout = fields["rollout"]?.name()
      let files = fields["files"]?.listOrOne().compactMap { $0.fileInstallation() }
      let layout = fields["layout"].map { $0.keyLayout() }
      let hooks = fields["hooks"]?.hooks()
      let verify = fields["verify"]?.list()?.compactMap { $0.verification(standardName: firstDomain) }
      guard let selector else { return nil }
      return Deployment(
        selector: selector, rollout: rollout.map { RolloutPolicy.Name($0) }, files: files ?? [],
        layout: layout ?? nil, hooks: hooks ?? Hooks(), verify: verify ?? [])
    }
  }

  /// Who may read the key of certbot's layout.
  private func keyLayout() -> KeyLayout? {
    object { fields in
      let (owner, group) = (fields["owner"]?.accountName(), fields["group"]?.accountName())
      let mode = fields["key_mode"]?.fileMode(holdsKey: true)
      if let mode, let digits = Int(mode, radix: 8), digits & 0o020 != 0 || digits & 0o400 == 0 {
        fields["key_mode"]?.fail("'\(mode)' lets a group write a private key; 0600 and 0640 are usual")
      }
      return KeyLayout(owner: owner, group: group, mode: mode ?? (group == nil ? "0600" : "0640"))
    }
  }

  private func fileInstallation() -> FileInstallation? {
    object { fields in
      let format = fields.required("format")?.choice(FileInstallation.Format.self)
      let path = fields.required("path")?.destination()
      let keyPath = fields["key_path"]?.destination()
      let (owner, group) = (fields["owner"]?.accountName(), fields["group"]?.accountName())
      let mode = fields["mode"]
      let allowed = fields["allow"]?.listOrOne().compactMap { $0.choice(FileInstallation.Allowance.self) }
      let password = fields["password_file"]
      guard let format, let path else { return nil }
      if let keyPath, keyPath == path { fields.node.fail("'path' and 'key_path' are the same file") }
      if format.needsKeyPath, fields["key_path"] == nil {
        fields.node.fail("'key_path' is missing: a pair has the key in a file of its own")
      }
      if !format.mayHaveKeyPath { fields["key_path"]?.fail("\(format.rawValue) is one file; remove it") }
      if format.needsPassword, password == nil {
        fields.node.fail("'password_file' is missing: a keystore has a password")
      }
      if !format.needsPassword { password?.fail("\(format.rawValue) has no password; remove it") }
      let installation = FileInstallation(
        format: format, path: path, keyPath: keyPath, owner: owner, group: group,
        mode: mode?.fileMode(holdsKey: format.holdsKey || keyPath != nil), allowances: Set(allowed ?? []),
        passwordFile: format.needsPassword ? password?.secretFile() : nil)
      if Set(installation.allowances).isSuperset(of: [.symlink, .shared]) {
        fields["allow"]?.fail(
          "'symlink' and 'shared' do not meet: whoever may write the folder could lead the file anywhere; name the file itself, or a folder that is only root's"
        )
      }
      if installation.isApart, !installation.allowances.contains(.apart) {
        fields["key_path"]?.fail(
          "is in another folder than the certificate, and two folders do not change in one moment; put both into one, point the server to live/, or say allow: 'apart'"
        )
      }
      return installation
    }
  }

  /// A file on a host.
  private func destination() -> String? {
    guard let path = hostPath() else { return nil }
    guard case .string(let text) = value, !text.hasSuffix("/") else {
      return refuse("\(value.shown) is a folder; name the file in it")
    }
    guard path.split(separator: "/").last?.hasPrefix(".") == false else {
      return refuse("\(value.shown) begins with a dot; servers that read a folder leave such files out")
    }
    return path
  }

  /// As useradd(8) allows them.
  func accountName() -> String? {
    guard let text = string() else { return nil }
    guard text.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_.-]{0,31}/) != nil else {
      return refuse("\(value.shown) is not a user's or a group's name")
    }
    return text
  }

  private func fileMode(holdsKey: Bool) -> String? {
    guard let text = string() else { return nil }
    guard text.wholeMatch(of: /0?[0-7]{3}/) != nil, let mode = Int(text, radix: 8) else {
      return refuse("\(value.shown) is not a mode; write it in octal, such as '0640'")
    }
    if holdsKey, mode & 0o007 != 0 {
      return refuse("\(value.shown) lets everybody read a private key; 0600 or 0640 with a group are usual")
    }
    guard mode & 0o133 == 0 else {
      return refuse(
        "\(value.shown) lets others write it or makes it a program; 0600, 0640 and 0644 are usual")
    }
    guard mode & 0o400 != 0 else { return refuse("\(value.shown) does not let its owner read it") }
    return String(text.suffix(3)).leftPadded
  }

  private func verification(standardName: String?) -> Verification? {
    object { fields in
      let place = fields["from"].map { $0.choice(Hook.Place.self) } ?? nil
      if let command = fields["run"] {
        let timeout = fields["timeout"].map { $0.duration() } ?? Verification.standardTimeout
        for key in ["tls", "name", "starttls"] {
          fields[key]?.fail("belongs to a look at TLS; 'run' is a command that succeeds when all is well")
        }
        guard let text = command.hookCommand(), let timeout else { return nil }
        return Verification(.command(text, timeout: timeout), from: place ?? .host)
      }
      let end = fields.required("tls")?.endOfTLS()
      let name = fields["name"].map { $0.serverName() } ?? standardName
      let startTLS = fields["starttls"].map { $0.choice(StartTLS.self) }
      if standardName == nil, fields["name"] == nil {
        fields.node.fail(
          "'name' is missing: the certificate declares no domain, or wildcards alone, and a server is asked for one name"
        )
      }
      guard let end, let name, startTLS != .some(nil) else { return nil }
      return Verification(
        .tls(
          TLSQuestion(port: end.port, address: end.address, serverName: name, startTLS: startTLS ?? nil)),
        from: place ?? .controller)
    }
  }

  /// A port, as a number or as text; or with the address that the service listens at.
  private func endOfTLS() -> (address: String?, port: UInt16)? {
    guard case .string(let text) = value else { return port().map { (nil, $0) } }
    let digits = text.lastIndex(of: ":").map { text[text.index(after: $0)...] } ?? text[...]
    guard let port = UInt16(digits), port > 0, digits.allSatisfy(\.isNumber) else {
      return refuse("\(value.shown) is not a port (1 to 65535), nor an address with one")
    }
    guard let colon = text.lastIndex(of: ":") else { return (nil, port) }
    let address = text[..<colon].trimmingPrefix("[")
    let bare = address.hasSuffix("]") ? address.dropLast() : address
    return child(.string(String(bare)), "").address().map { ($0, port) }
  }

  private func serverName() -> String? {
    guard let text = string() else { return nil }
    switch DomainName.read(text) {
    case .success(let name) where name.hasPrefix("*."):
      return refuse("'\(name)' is no name that a server could be asked for; write one that it stands for")
    case .success(let name): return name
    case .failure(let refused): return refuse("'\(text.visible.shortened(to: 60))' \(refused.reason)")
    }
  }
}

extension String {
  fileprivate var leftPadded: String { "0" + self }
}
