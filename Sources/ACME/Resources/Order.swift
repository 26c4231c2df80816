package import FoundationEssentials

/// RFC 8555 §7.1.3: a request for a certificate on its way.
package struct Order: Sendable, Decodable {
  /// §7.1.6. `unknown` stands for what a later specification may add.
  package enum Status: String, Sendable, Decodable {
    case pending, ready, processing, valid, invalid, unknown

    package init(from decoder: any Decoder) throws {
      self = Status(rawValue: try decoder.singleValueContainer().decode(String.self)) ?? .unknown
    }
  }

  package let status: Status
  package let identifiers: [AcmeIdentifier]
  package let authorizations: [URL]
  package let finalize: URL
  /// Present once the order is valid.
  package let certificate: URL?
  package let error: Problem?
}

/// RFC 8555 §7.1.4: the right to order for one name, and the ways to gain it.
package struct Authorization: Sendable, Decodable {
  package enum Status: String, Sendable, Decodable {
    case pending, valid, invalid, deactivated, expired, revoked, unknown

    package init(from decoder: any Decoder) throws {
      self = Status(rawValue: try decoder.singleValueContainer().decode(String.self)) ?? .unknown
    }
  }

  package let identifier: AcmeIdentifier
  package let status: Status
  package let challenges: [AcmeChallenge]
}

/// RFC 8555 §8: one way to show control of a name. Types that we do not know decode all the same and are not
/// chosen; one that has no token is of no use to us.
package struct AcmeChallenge: Sendable, Decodable {
  package let type: String
  package let url: URL
  package let token: String?
  package let error: Problem?
}

/// §7.4: the request for an order.
struct NewOrder: Encodable {
  let identifiers: [AcmeIdentifier]
  let profile: String?
  let replaces: String?
}

/// §7.4: "csr … in the base64url-encoded version of the DER format".
struct Finalize: Encodable {
  let csr: String
}

/// §7.5.1: a challenge is answered with "an empty JSON object".
struct ChallengeAnswer: Encodable {}

/// §7.6.
struct Revocation: Encodable {
  let certificate: String
  let reason: Int
}
