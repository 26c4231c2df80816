import Foundation

/// RFC 8555 §7.3: the request for an account.
struct NewAccount: Encodable {
  let termsOfServiceAgreed: Bool
  let contact: [String]
}

/// RFC 8555 §7.4: the request for an order.
struct NewOrder: Encodable {
  let identifiers: [AcmeIdentifier]
}

/// RFC 8555 §7.4: "csr … in the base64url-encoded version of the DER format".
struct Finalize: Encodable {
  let csr: String
}

/// RFC 8555 §7.5.1: a challenge is answered with "an empty JSON object".
struct ChallengeAnswer: Encodable {}
