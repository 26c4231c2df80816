import FoundationEssentials
import Glibc

/// How control of a name is shown to the CA (RFC 8555 §8).
package enum Challenge: Hashable, Sendable, Codable {
  /// §8.3: the CA asks the name's web server for a token.
  case http01(HTTP01)
  /// §8.4: the CA looks for a TXT record below the name.
  case dns01(DNS01)

  package static let standard = Challenge.http01(.listener(.standardHTTP))

  package enum HTTP01: Hashable, Sendable {
    /// A listener of our own.
    case listener(ListenAddress)
    /// A web server on the controller, by its document root.
    case webroot(String)
    /// The web servers of the lineage's hosts, or of those that a selector picks, by the document root there and the port that the CA's
    /// request meets.
    case hosts(webroot: String, port: UInt16, among: Selector? = nil)
    case hooks(ChallengeHooks)
  }

  package struct DNS01: Hashable, Sendable {
    package var updater: Updater
    /// Asked instead of the system's: an IP address.
    package var resolver: String?
    /// How long the zone's servers may take until all of them show the record.
    package var propagationTimeout: Duration

    package enum Updater: Hashable, Sendable {
      case hooks(ChallengeHooks)
      case nsupdate(NSUpdate)
      case provider(DNSProvider)
    }

    package static let standardPropagationTimeout = Duration.seconds(300)

    package init(
      updater: Updater, resolver: String? = nil,
      propagationTimeout: Duration = Self.standardPropagationTimeout
    ) {
      self.updater = updater
      self.resolver = resolver
      self.propagationTimeout = propagationTimeout
    }
  }
}

/// certbot's `--manual-auth-hook` and `--manual-cleanup-hook`.
package struct ChallengeHooks: Hashable, Sendable, Codable {
  package var auth: Hook
  package var cleanup: Hook?

  /// Scripts for DNS providers like to wait until a record is everywhere.
  package static let standardTimeout = Duration.seconds(600)

  package init(auth: Hook, cleanup: Hook?) {
    self.auth = auth
    self.cleanup = cleanup
  }
}

/// A company that has the zone, as lexicon names it.
package struct DNSProvider: Hashable, Sendable {
  package var name: String
  /// Variables for lexicon, a line each, such as `LEXICON_CLOUDFLARE_AUTH_TOKEN=…`; `nil` takes those that certfleet runs with.
  package var credentialsFile: String?

  package init(name: String, credentialsFile: String?) {
    (self.name, self.credentialsFile) = (name, credentialsFile)
  }
}

/// RFC 2136 updates by nsupdate(1).
package struct NSUpdate: Hashable, Sendable, Codable {
  /// The primary server, as a name or an address; `nil` lets nsupdate find it by the zone's SOA record.
  package var server: String?
  package var port: UInt16
  /// The TSIG key (RFC 8945), in named's format, which tsig-keygen(8) makes.
  package var keyFile: String
  /// `nil` lets nsupdate find it.
  package var zone: String?

  private enum CodingKeys: String, CodingKey {
    case server, port, zone
    case keyFile = "key_file"
  }

  package init(server: String?, port: UInt16 = 53, keyFile: String, zone: String? = nil) {
    self.server = server
    self.port = port
    self.keyFile = keyFile
    self.zone = zone
  }
}

/// Where the controller's own listener waits: an IP address and a port.
package struct ListenAddress: Hashable, Sendable, Codable, CustomStringConvertible {
  package var address: String
  package var port: UInt16

  package init(address: String, port: UInt16) {
    self.address = address
    self.port = port
  }

  package var description: String { address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)" }

  /// RFC 8555 §8.3: the validation request goes to port 80. `::` takes IPv4 as well.
  package static let standardHTTP = ListenAddress(address: "::", port: 80)
}

extension String {
  /// Whether this is an IP address as it stands in a certificate and not a DNS name (RFC 8738).
  package var isIPAddress: Bool {
    var buffer = in6_addr()
    return inet_pton(AF_INET, self, &buffer) == 1 || inet_pton(AF_INET6, self, &buffer) == 1
  }
}
