import FoundationEssentials
import PKI

/// RFC 8555 §8.4: "a TXT resource record containing the digest value under that name".
struct TXTRecord: Hashable, Sendable {
  let name: String
  let value: String

  init(of proof: Proof) {
    name = "_acme-challenge.\(proof.domain)"
    value = Data(SHA256.hash(proof.keyAuthorization.utf8)).base64URL
  }
}
