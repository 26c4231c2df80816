import Fleet

extension InventoryDescription {
  static let deploymentObjects = [
    Object(
      "deployment", "The hosts that a certificate goes to, and what happens there",
      [
        .must(
          "to", .selector,
          "labels as in Kubernetes (role=web,!legacy), a name (name:web1), or a pattern of names (web*)"),
        .key("rollout", .name, "which of the rollouts; default one host, a tenth, the rest"),
        .key("hooks", .object("hooks"), "what runs there"),
        .key("layout", .object("layout"), "who may read live/NAME/privkey.pem"),
        .key("files", .oneOrList(.object("file")), "further files, beside live/ and archive/"),
        .key("verify", .list(.object("verification")), "what must be so afterwards, or the host goes back"),
      ]),
    Object(
      "hooks", "What runs on every host, by /bin/sh; the first that fails ends the visit",
      [
        .key("pre", hooks, "before anything changes"),
        .key("deploy", hooks, "when the new certificate is in place, and once more after going back"),
        .key("post", hooks, "at the end and always"),
        .key("retire", hooks, "when a certificate is taken away from the host"),
        .key(
          "directories", .oneOrList(.hostPath),
          "folders there with pre/, deploy/ and post/, by certbot's rules"),
        .key("coalesce", .flag, "certificates with the same deploy hook share one run of it"),
      ]),
    Object(
      "hook", "One hook",
      [
        .must("run", .text("command"), "for /bin/sh, or a ready-made one such as @nginx"),
        .key("timeout", .duration, "how long it may take; default \(Hook.standardTimeout.short)"),
        .key("user", .account, "as whom; default as the agent"),
        .key("on", .oneOf(Hook.Place.self), "controller: here, once around each wave; for pre and post"),
        .key("on_failure", .oneOf(Hook.FailurePolicy.self), "continue: the visit goes on and ends degraded"),
        .key("environment", .texts, "further variables"),
      ]),
    Object(
      "layout", "Who may read a certificate's key in live/",
      [
        .key("owner", .account, "default whom the agent runs as"),
        .key("group", .account, "default none but the owner's"),
        .key("key_mode", mode, "default 0640 with a group, else 0600"),
      ]),
    Object(
      "file", "A further file on every host",
      [
        .must("format", .oneOf(FileInstallation.Format.self), "haproxy: chain and key in one"),
        .must("path", .hostPath, "where it is"),
        .key("key_path", .hostPath, "where the key is, for pem and der"),
        .key("owner", .account, "default root"),
        .key("group", .account, "default root"),
        .key("mode", mode, "default 0600 with a key in it, else 0644"),
        .key("allow", .oneOrList(.oneOf(FileInstallation.Allowance.self)), "what is refused otherwise"),
        .key("password_file", .path, "a file here, mode 0600, with the password of a keystore"),
      ]),
    Object(
      "verification", "What must be so when a host's visit ends",
      [
        .key("tls", .either([.port, .text("port, or address:port")]), "it serves the new certificate there"),
        .key(
          "name", .text("DNS name or IP address"), "the name that it is asked for; default the first domain"),
        .key("starttls", .oneOf(StartTLS.self), "the protocol that TLS begins in"),
        .key("from", .oneOf(Hook.Place.self), "who asks; default the controller, and for run the host"),
        .key("run", .text("command"), "instead of tls: a command that succeeds when all is well"),
        .key("timeout", .duration, "how long the command may take"),
      ]),
  ]

  private static let hooks = Kind.oneOrList(.either([.text("command"), .object("hook")]))
  private static let mode = Kind.text("octal mode", pattern: "^0?[0-7]{3}$")
}
