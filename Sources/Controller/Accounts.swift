import ACME
import Fleet
package import FoundationEssentials
import Issuance
import PKI
package import Reporting
import Storage

/// Accounts with ACME servers.
extension Controller {
  package func accounts() async throws -> [ListedAccount] {
    try await store.accounts().map { account in
      ListedAccount(
        issuer: account.issuer, directory: account.directory, url: account.url,
        contact: account.contact ?? [], keyFingerprint: account.key.publicFingerprint)
    }
  }

  /// Makes the account with an issuer, anew where the CA has deactivated it.
  ///
  /// - Parameter isStaging: with the CA's staging directory.
  /// - Returns: its URL, as the CA says it.
  package func register(_ issuer: String, isStaging: Bool) async throws -> URL {
    try await withAccount(issuer, isStaging: isStaging) { issuer, authority, directory in
      do {
        return try await find(issuer, authority, directory)
      } catch let problem as Problem where ["unauthorized", "accountDoesNotExist"].contains(problem.kind) {
        // RFC 8555 §7.3.6: the key of an account that is deactivated is of no more use; another makes another account.
        try await store.removeAccount(of: issuer, at: directory, now: Date())
        return try await find(issuer, authority, directory)
      }
    }
  }

  /// Gives the account a new key.
  ///
  /// - Returns: the key's fingerprint.
  package func rollOverAccountKey(_ issuer: String, isStaging: Bool) async throws -> String {
    try await withAccount(issuer, isStaging: isStaging) { issuer, authority, directory in
      let client = try await ACMEAccounts(store: store).client(of: issuer, authority, at: directory)
      let key = try PrivateKey.generate(.ecdsaP256)
      // Kept before it is asked for: should the answer be lost, the next use asks whose it is.
      try await store.setNextKey(key, of: issuer, at: directory)
      try await client.changeKey(to: key)
      Failpoint.pass("account.key-changed")
      try await store.endKeyChange(of: issuer, at: directory, took: true, now: Date())
      return key.publicFingerprint
    }
  }

  /// Gives the account up, for good.
  package func deactivate(_ issuer: String, isStaging: Bool) async throws {
    try await withAccount(issuer, isStaging: isStaging) { issuer, authority, directory in
      guard try await store.findAccount(of: issuer, at: directory)?.url != nil else {
        throw ControllerError.noAccount(issuer, directory: directory)
      }
      let client = try await ACMEAccounts(store: store).client(of: issuer, authority, at: directory)
      try await client.deactivate()
      try await store.removeAccount(of: issuer, at: directory, now: Date())
    }
  }

  private func withAccount<Value>(
    _ name: String, isStaging: Bool, _ work: (Issuer.Name, ACMEAuthority, String) async throws -> Value
  ) async throws -> Value {
    let issuers = try await store.declaration().issuers
    guard let issuer = issuers.first(where: { $0.name.rawValue == name }) else {
      throw ControllerError.unknown(.issuer, name, among: issuers.map(\.name.rawValue))
    }
    guard let authority = issuer.acme else { throw ControllerError.notACME(issuer.name) }
    guard let directory = isStaging ? authority.staging : authority.directory else {
      throw ControllerError.noStagingDirectory(issuer.name)
    }
    return try await leased { try await work(issuer.name, authority, directory) }
  }

  /// The stored URL may be of an account that the CA has forgotten or deactivated: it is asked.
  private func find(_ issuer: Issuer.Name, _ authority: ACMEAuthority, _ directory: String) async throws
    -> URL
  {
    try await ACMEAccounts(store: store).client(of: issuer, authority, at: directory).find()
  }
}
