import Fleet

extension InventoryDescription {
  static let issuerObjects = [
    Object(
      "issuer", "Where certificates come from",
      [
        .must("name", .name, "what certificates say in 'issuer'"),
        .key("type", .oneOf(["acme", "certbot", "files"]), "default acme"),
        .key(
          "directory", .text("https URL", pattern: "^https://"), "acme: where its directory is (RFC 8555)"),
        .key(
          "staging", .text("https URL", pattern: "^https://"),
          "acme: the directory of rehearsals, for --staging"),
        .key(
          "contact", .oneOrList(.text("mailto: address", pattern: "^mailto:")),
          "acme: whom the CA may write to"),
        .key("agree_to_terms", .flag, "acme: true once you have read the CA's terms of service"),
        .key(
          "ca_file", .path,
          "acme: a PEM file that the directory's own https certificate chains to, for a private CA"),
        .key("parallel", .number(1...100), "acme: orders at the same time"),
        .key(
          "eab_kid", .text("key identifier"),
          "acme: of the account that the CA has given out (RFC 8555 §7.3.4)"),
        .key("eab_hmac_key_file", .path, "acme: a file, mode 0600, with the key that belongs to it"),
        .key("path", .path, "certbot: its folder; default \(CertbotFolder.standardPath)"),
        .key(
          "hand_over", .oneOf(CertbotFolder.HandOver.self),
          "certbot: at-once rolls out before certbot goes on"),
      ])
  ]
}
