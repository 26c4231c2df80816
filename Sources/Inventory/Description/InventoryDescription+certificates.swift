import Fleet

extension InventoryDescription {
  static let certificateObjects = [
    Object(
      "certificate", "A certificate through all its renewals, and where it goes",
      [
        .must("name", .name, "the folder below live/ on every host"),
        .key(
          "domains", .list(.text("DNS name or IP address")),
          "what it is for, 100 at the most; the first is the common name"),
        .must(
          "issuer", .oneOrList(.name),
          "where it comes from; the others of a list stand in when the first cannot and time is short"),
        .key("key", .object("key"), "of which kind, and where it is made"),
        .key("challenge", .object("challenge"), "how the CA sees that the names are yours; default http-01"),
        .key("profile", .name, "the CA's rules for it, where it has several"),
        .key(
          "preferred_chain", .text("common name"),
          "of an issuer in the chain that is wanted (RFC 8555 §7.4.2)"),
        .key("certificate", .path, "an issuer of files: the PEM file, with or without its chain"),
        .key("chain", .path, "an issuer of files: the intermediates, where they are in a file of their own"),
        .key("private_key", .path, "an issuer of files: the key, mode 0600"),
        .key("deploy", .list(.object("deployment")), "the hosts that it goes to"),
      ]),
    Object(
      "key", "A certificate's private keys",
      [
        .key("type", .oneOf(KeyType.self), "default \(KeyPolicy().type.rawValue)"),
        .key("reuse", .flag, "whether a renewal keeps the key"),
        .key(
          "on", .oneOf(KeyPolicy.Place.self),
          "host: each host makes its own key and gets a certificate of its own"),
      ]),
    Object(
      "challenge", "How the CA sees that the names are yours",
      [
        .must("type", .oneOf(["http-01", "dns-01"]), "what the CA looks at"),
        .key(
          "listen", .text("address:port"),
          "http-01: certfleet answers itself while an order is under way; default \(ListenAddress.standardHTTP)"
        ),
        .key("webroot", .path, "http-01: the folder of a web server here, or with via: \"hosts\" there"),
        .key("via", .oneOf(["controller", "hosts"]), "http-01: whose web servers show the token"),
        .key(
          "to", .selector,
          "http-01 with via: \"hosts\": which of them; default those that the certificate goes to"),
        .key("port", .port, "http-01 with via: \"hosts\": where they listen; default 80"),
        .key(
          "auth_hook", .either([.text("command"), .object("command")]),
          "your own, with certbot's CERTBOT_* variables"),
        .key(
          "cleanup_hook", .either([.text("command"), .object("command")]),
          "what takes away what auth_hook has made"),
        .key(
          "provider", .text("provider", pattern: "^[a-z][a-z0-9-]*$"),
          "dns-01: a DNS company, by lexicon's name for it"),
        .key(
          "credentials_file", .path, "dns-01: a file, mode 0600, with lexicon's variables for the provider"),
        .key("nsupdate", .object("nsupdate"), "dns-01: a server that takes dynamic updates (RFC 2136)"),
        .key(
          "resolver", .text("IP address"),
          "dns-01: who is asked for the zone's servers, where your own sees another zone"),
        .key(
          "propagation_timeout", .duration,
          "dns-01: how long all servers of the zone may take to show the record"),
      ]),
    Object(
      "nsupdate", "A server that takes dynamic updates",
      [
        .key("server", .address, "default the zone's primary server"),
        .key("port", .port, "default 53"),
        .must("key_file", .path, "a TSIG key, mode 0600, as tsig-keygen(8) writes it"),
        .key("zone", .text("DNS name"), "default the zone that the name is in"),
      ]),
    Object(
      "command", "A command on the controller",
      [
        .must("run", .text("command"), "for /bin/sh"),
        .key("timeout", .duration, "how long it may take"),
      ]),
  ]
}
