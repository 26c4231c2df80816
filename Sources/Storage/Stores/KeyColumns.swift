import FoundationEssentials
import PKI

/// A certificate's key as it rests: ours sealed, or the name of a host's with the request that the host made.
struct KeyColumns {
  private let sealed: Data?
  private let hostKey: String?
  private let request: Data?

  init(_ key: CertificateKey, sealedWith sealing: SealingKey, for identity: String) throws {
    switch key {
    case .held(let key):
      (sealed, hostKey, request) = (try sealing.seal(try key.pem(), for: identity), nil, nil)
    case .onHost(let made): (sealed, hostKey, request) = (nil, made.id, made.request.der)
    }
  }

  /// Three columns from `first` on: `key`, `host_key`, `request`.
  init(_ row: any DatabaseRow, from first: Int32) {
    sealed = row.isNull(first) ? nil : row.blob(first)
    hostKey = row.optionalText(first + 1)
    request = row.isNull(first + 2) ? nil : row.blob(first + 2)
  }

  /// Whether it was ours, and is no longer there.
  var isErased: Bool { sealed?.isEmpty ?? false }

  var values: [DatabaseValue] {
    [sealed.map(DatabaseValue.blob) ?? .null, .optional(hostKey), request.map(DatabaseValue.blob) ?? .null]
  }

  func seal(facts: String, chain: String) -> CertificateSeal {
    CertificateSeal(facts: facts, chain: chain, key: sealed, hostKey: hostKey, request: request)
  }

  func open(with sealing: SealingKey, for identity: String) throws -> CertificateKey {
    if let hostKey, let request {
      return .onHost(HostKeyRequest(id: hostKey, request: CertificateRequest(der: request)))
    }
    return .held(try PrivateKey(pem: try sealing.open(sealed ?? Data(), for: identity)))
  }
}
