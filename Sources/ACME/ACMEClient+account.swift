package import FoundationEssentials
package import PKI

/// RFC 8555 §7.3: the account.
extension ACMEClient {
  /// An account that the CA's operator has given out: its identifier, and the key that proves it.
  package struct External: Sendable {
    let keyID: String
    let key: HMACKey

    package init(keyID: String, key: HMACKey) {
      self.keyID = keyID
      self.key = key
    }
  }

  /// §7.3: makes the account, or finds the one that this key has already.
  ///
  /// - Parameter contact: `mailto:` URLs.
  /// - Returns: the account's URL, which names it from now on.
  package func register(contact: [String], agreesToTerms: Bool, external: External? = nil) async throws -> URL
  {
    let resources = try await resources()
    if external == nil, resources.meta?.externalAccountRequired == true {
      throw Problem(
        type: "externalAccountRequired",
        detail: "the CA only serves accounts that it has given out; set eab_kid and eab_hmac_key_file",
        status: nil)
    }
    let binding = try external.map {
      try $0.key.binding(of: signer, keyID: $0.keyID, url: resources.newAccount)
    }
    let request = NewAccount(
      termsOfServiceAgreed: agreesToTerms, contact: contact,
      externalAccountBinding: try binding.map { try JSONDecoder().decode(SignedObject.self, from: $0) })
    let response = try await post(request, to: resources.newAccount, signedBy: .accountKey)
    let url = try response.location()
    use(account: url)
    return url
  }

  /// §7.3.1: the URL of the account that this key has; a problem `accountDoesNotExist` when it has none.
  package func find() async throws -> URL {
    let response = try await post(
      ExistingAccount(), to: try await resources().newAccount, signedBy: .accountKey)
    let url = try response.location()
    use(account: url)
    return url
  }

  /// §7.3.2.
  package func update(contact: [String]) async throws {
    _ = try await post(AccountUpdate(contact: contact), to: try accountURL())
  }

  /// §7.3.6: "the server MUST NOT accept further requests authorized by that account's key".
  package func deactivate() async throws {
    _ = try await post(AccountUpdate(status: "deactivated"), to: try accountURL())
  }

  /// §7.3.5: from now on `key` is the account's.
  package func changeKey(to key: PrivateKey) async throws {
    guard let url = try await resources().keyChange else {
      throw Problem(type: "unsupported", detail: "the CA does not change account keys", status: nil)
    }
    let request = KeyChange(
      account: try accountURL(),
      oldKey: try JSONDecoder().decode([String: String].self, from: signer.publicKey()))
    let next = JWSSigner(key: key)
    let inner = try next.sign(payload: try JSONEncoder().encode(request), url: url, nonce: nil, as: .key)
    _ = try await exchange(payload: inner, url: url)
    signer = next
  }

  /// §8.1: what a challenge's solver must present.
  package func keyAuthorization(for token: String) throws -> String {
    try signer.keyAuthorization(token: token)
  }

  private func accountURL() throws -> URL {
    guard let account else {
      throw Problem(type: "accountDoesNotExist", detail: "no account is registered yet", status: nil)
    }
    return account
  }
}
