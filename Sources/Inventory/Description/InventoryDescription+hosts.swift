import Fleet

extension InventoryDescription {
  static let hostObjects = [
    Object(
      "defaults", "What hosts have that do not say otherwise",
      connection + [
        .key(
          "parallel", .hosts,
          "hosts at the same time, in rollouts that say nothing of it; default \(RolloutPolicy.standard.parallel)"
        ),
        .key("limits", .oneOrList(.object("limit")), "further limits of all rollouts, beside their own"),
        .key(
          "look_every", .interval,
          "how old what was seen of a host may be before it is looked at again; default 24h"),
      ]),
    Object(
      "host", "A machine that certificates go to",
      [
        .must("name", .name, "what it is called here"),
        .key("address", .address, "where it is reached; default its name"),
      ] + connection + [
        .key("labels", .texts, "what selectors pick hosts by"),
        .key("look_every", .interval, "how old what was seen of it may be before it is looked at again"),
      ]),
    Object(
      "become", "As whom the agent runs on a host",
      [
        .key("method", .oneOf(Become.Method.self), "default sudo"),
        .key("user", .account, "default root"),
        .key("password_file", .path, "a file here, mode 0600, whose first line is told to sudo when it asks"),
      ]),
  ]

  private static let connection: [Member] = [
    .key("user", .name, "the login's user; default whoever runs certfleet"),
    .key("port", .port, "of sshd; default 22"),
    .key(
      "connection", .oneOf(ConnectionKind.self),
      "auto: by libssh2, and by the system's ssh where libssh2 cannot; local: this machine itself"),
    .key(
      "become", .either([.flag, .object("become")]),
      "the agent runs as root by sudo; default as the login's user"),
    .key("identity", .path, "the private key of the login; default the SSH agent's, else your default key"),
    .key("passphrase_file", .path, "a file here, mode 0600, whose first line opens the private key"),
    .key("via", .name, "the host through which it is reached"),
    .key(
      "ssh_config", .either([.flag, .path]),
      "address, port, user, key and jump hosts as ssh_config(5) says when it is applied"),
    .key("base", .hostPath, "the folder of live/ and archive/ there; default \(Host.standardBase)"),
    .key(
      "take_over", .oneOf(TakeOverChoice.self),
      "certbot's certificates in base make room for ours of the same name"),
    .key(
      "agent", .oneOf(AgentPlace.self),
      "installed: by 'certfleet agent install', for a key that may do nothing else"),
    .key("site", .name, "where it is reached from, where several controllers share the work"),
  ]
}
