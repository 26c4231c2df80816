/// A lineage as an existing certbot keeps it: `renewal/NAME.conf` and `live/NAME/`.
package struct CertbotLineage: Hashable, Sendable, Codable {
  package let name: String
  package let authenticator: String?
  /// The ACME directory that it was ordered from.
  package let server: String?
  package let preHook: String?
  /// `renew_hook` in the file, `--deploy-hook` on the command line.
  package let deployHook: String?
  package let postHook: String?

  private enum CodingKeys: String, CodingKey {
    case name, authenticator, server
    case preHook = "pre_hook"
    case deployHook = "deploy_hook"
    case postHook = "post_hook"
  }

  package init(
    name: String, authenticator: String?, server: String?, preHook: String?, deployHook: String?,
    postHook: String?
  ) {
    self.name = name
    self.authenticator = authenticator
    self.server = server
    self.preHook = preHook
    self.deployHook = deployHook
    self.postHook = postHook
  }
}
