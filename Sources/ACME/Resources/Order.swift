public import Foundation

/// RFC 8555 §7.1.3: a request for a certificate on its way.
public struct Order: Sendable, Decodable {
  /// §7.1.6. `unknown` stands for what a later specification may add.
  public enum Status: String, Sendable, Decodable {
    case pending, ready, processing, valid, invalid, unknown

    public init(from decoder: any Decoder) throws {
      self = Status(rawValue: try decoder.singleValueContainer().decode(String.self)) ?? .unknown
    }
  }

  public let status: Status
  public let identifiers: [AcmeIdentifier]
  public let authorizations: [URL]
  public let finalize: URL
  /// Present once the order is valid.
  public let certificate: URL?
  public let error: Problem?
}

/// RFC 8555 §7.1.4: the right to order for one name, and the ways to gain it.
public struct Authorization: Sendable, Decodable {
  public enum Status: String, Sendable, Decodable {
    case pending, valid, invalid, deactivated, expired, revoked, unknown

    public init(from decoder: any Decoder) throws {
      self = Status(rawValue: try decoder.singleValueContainer().decode(String.self)) ?? .unknown
    }
  }

  public let identifier: AcmeIdentifier
  public let status: Status
  public let challenges: [AcmeChallenge]
}

/// RFC 8555 §8: one way to show control of a name. Types that we do not know decode all the same and are not
/// chosen; one that has no token is of no use to us.
public struct AcmeChallenge: Sendable, Decodable {
  public let type: String
  public let url: URL
  public let token: String?
  public let error: Problem?
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
