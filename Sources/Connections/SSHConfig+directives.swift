import FoundationEssentials
import Glibc

extension SSHConfig {
  /// Directives as ssh_config(5) names them, by what `ssh -G` says of a host.
  enum Directives {
    /// By libssh2 a host would be reached otherwise than ssh would, or not at all.
    static func ofConsequence(_ said: [String: [String]]) -> [String] {
      func isSet(_ key: String, otherThan plain: String...) -> Bool {
        said[key]?.first.map { !plain.contains($0.lowercased()) } ?? false
      }
      var found: [String] = []
      if isSet("proxycommand", otherThan: "none") { found.append("ProxyCommand") }
      if isSet("certificatefile") { found.append("CertificateFile") }
      // Debian asks for it everywhere; without a ticket nothing comes of it.
      if isSet("gssapiauthentication", otherThan: "no"), hasTicket { found.append("GSSAPIAuthentication") }
      if isSet("hostbasedauthentication", otherThan: "no") { found.append("HostbasedAuthentication") }
      if isSet("pkcs11provider", otherThan: "none") { found.append("PKCS11Provider") }
      if isSet("securitykeyprovider", otherThan: "internal", "none") { found.append("SecurityKeyProvider") }
      if isSet("identityagent", otherThan: "ssh_auth_sock") { found.append("IdentityAgent") }
      if isSet("addressfamily", otherThan: "any") { found.append("AddressFamily") }
      if isSet("bindaddress") { found.append("BindAddress") }
      if isSet("bindinterface") { found.append("BindInterface") }
      return found
    }

    /// What certfleet does in its own way, however it is reached.
    static func unhonoured(_ said: [String: [String]]) -> [String] {
      func value(_ key: String) -> String { said[key]?.first?.lowercased() ?? "" }
      var found: [String] = []
      if !["", "none"].contains(value("remotecommand")) { found.append("RemoteCommand") }
      if ["no", "off", "false", "accept-new"].contains(value("stricthostkeychecking")) {
        found.append("StrictHostKeyChecking")
      }
      if !["", "none"].contains(value("knownhostscommand")) { found.append("KnownHostsCommand") }
      if value("permitlocalcommand") == "yes", value("localcommand") != "none" {
        found.append("LocalCommand")
      }
      if !["", "no"].contains(value("forwardagent")) { found.append("ForwardAgent") }
      return found
    }

    /// Whether Kerberos has one (kerberos(7)); others than files name themselves in KRB5CCNAME.
    private static var hasTicket: Bool {
      ProcessInfo.processInfo.environment["KRB5CCNAME"] != nil || access("/tmp/krb5cc_\(getuid())", F_OK) == 0
    }
  }
}
