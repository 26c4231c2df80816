import FoundationEssentials

/// RFC 8555 §7.3: the request for an account.
struct NewAccount: Encodable {
  let termsOfServiceAgreed: Bool
  let contact: [String]
  let externalAccountBinding: SignedObject?
}

/// §7.3.4: a JWS inside a request.
struct SignedObject: Codable {
  let protected: String
  let payload: String
  let signature: String
}

/// §7.3.1: asks for an account that is there already.
struct ExistingAccount: Encodable {
  let onlyReturnExisting = true
}

/// §7.3.2 and §7.3.6.
struct AccountUpdate: Encodable {
  var contact: [String]?
  var status: String?
}

/// §7.3.5: what the new key signs.
struct KeyChange: Encodable {
  let account: URL
  let oldKey: [String: String]
}
