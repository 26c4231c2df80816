import COpenSSL
import Fleet
import FoundationEssentials
import Glibc

/// One file that should hold certificates or a key in PEM, and what to say when it does not.
struct ProvidedFile {
  private let path: String
  private let bytes: [UInt8]
  private let text: String
  private let labels: [String]

  struct Unusable: Error, CustomStringConvertible {
    let description: String
  }

  private static let largest = 1 << 20

  init(_ path: String) throws(Unusable) {
    self.path = path
    var status = stat()
    guard stat(path, &status) == 0, let data = FileManager.default.contents(atPath: path) else {
      throw Unusable(description: "\(path) cannot be read: \(String(cString: strerror(errno)).lowercased())")
    }
    guard data.count <= Self.largest else {
      throw Unusable(description: "\(path) is \(data.count) bytes long, which is no certificate")
    }
    bytes = Array(data)
    text = String(decoding: data, as: UTF8.self)
    labels = text.matches(of: /-----BEGIN ([A-Z0-9 ]+)-----/).map { String($0.output.1) }
  }

  func certificates() throws(Unusable) -> [X509Certificate] {
    guard !labels.isEmpty else { throw notPEM(wanted: "a certificate", convert: "x509 -inform DER") }
    if let key = labels.first(where: { $0.hasSuffix("PRIVATE KEY") }) {
      throw unusable(
        "holds a private key ('\(key)') beside the certificates; keep it in the file of 'private_key' alone")
    }
    if let other = labels.first(where: { $0 != "CERTIFICATE" }) {
      throw unusable("holds a block '\(other)'; expected certificates alone")
    }
    var certificates: [X509Certificate] = []
    guard let bio = try? MemoryBIO(bytes) else { throw unusable("cannot be read: no memory") }
    while let next = PEM_read_bio_X509(bio.pointer, nil, nil, nil) {
      certificates.append(X509Certificate(owning: next))
    }
    ERR_clear_error()
    guard certificates.count == labels.count else {
      throw unusable(
        "certificate \(certificates.count + 1) of \(labels.count) is damaged or cut off; copy the file once more"
      )
    }
    return certificates
  }

  func privateKey() throws(Unusable) -> PrivateKey {
    guard !labels.isEmpty else { throw notPEM(wanted: "a private key", convert: "pkey -inform DER") }
    let keys = labels.filter { $0.hasSuffix("PRIVATE KEY") }
    guard let label = keys.first else { throw unusable("holds no private key but '\(labels[0])'") }
    guard keys.count == 1 else {
      throw unusable("holds \(keys.count) private keys; keep the one that belongs to the certificate")
    }
    if label == "ENCRYPTED PRIVATE KEY" || text.contains("Proc-Type: 4,ENCRYPTED") {
      throw unusable("holds an encrypted key; decrypt it: openssl pkey -in \(path) -out key.pem")
    }
    do {
      return try PrivateKey(pem: Secret(text))
    } catch { throw unusable("holds a private key that is damaged or cut off; copy the file once more") }
  }

  /// RFC 7292 and X.690 both begin with a SEQUENCE; only PKCS#12 goes on with the version 3.
  private func notPEM(wanted: String, convert: String) -> Unusable {
    guard bytes.first == 0x30 else {
      return unusable(
        bytes.isEmpty ? "is empty" : "holds no PEM block; expected \(wanted), which begins with -----BEGIN")
    }
    if looksLikePKCS12 {
      return unusable(
        "is PKCS#12; convert it: openssl pkcs12 -in \(path) -nodes -nocerts -out key.pem; openssl pkcs12 -in \(path) -nokeys -out fullchain.pem"
      )
    }
    return unusable("is DER; convert it: openssl \(convert) -in \(path) -out \(path).pem")
  }

  private var looksLikePKCS12: Bool {
    bytes.withUnsafeBufferPointer { buffer in
      var start = buffer.baseAddress
      guard let parsed = d2i_PKCS12(nil, &start, buffer.count) else {
        ERR_clear_error()
        return false
      }
      PKCS12_free(parsed)
      return true
    }
  }

  private func unusable(_ what: String) -> Unusable { Unusable(description: "\(path) \(what)") }
}

/// The CAs that this machine trusts.
enum SystemTrust {
  static func knowsIssuer(of certificate: X509Certificate) -> Bool {
    defer { ERR_clear_error() }
    guard let store = X509_STORE_new() else { return false }
    defer { X509_STORE_free(store) }
    guard X509_STORE_set_default_paths(store) == 1, let context = X509_STORE_CTX_new() else { return false }
    defer { X509_STORE_CTX_free(context) }
    guard X509_STORE_CTX_init(context, store, certificate.pointer, nil) == 1 else { return false }
    var issuer: OpaquePointer?
    guard X509_STORE_CTX_get1_issuer(&issuer, context, certificate.pointer) == 1 else { return false }
    X509_free(issuer)
    return true
  }
}
