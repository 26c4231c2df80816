import Fleet
import Foundation
import PKI
import Testing
import ThrowawayFleet

@Suite struct KeyTests {
  @Test(arguments: KeyType.allCases)
  func `a key survives its PEM form`(type: KeyType) throws {
    let key = try PrivateKey.generate(type)
    let again = try PrivateKey(pem: try key.pem())
    #expect(try again.pem() == key.pem())
  }

  @Test func `an encrypted key is refused without asking anybody`() async throws {
    let scratch = try ScratchFolder()
    try await Program.succeed(
      try Program.find("openssl"),
      [
        "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-aes256", "-pass", "pass:x",
        "-out", scratch.path + "/k",
      ])
    let pem = Files.read(scratch.path + "/k")
    #expect(pem.contains("ENCRYPTED"))
    #expect(throws: OpenSSLError.self) { try PrivateKey(pem: Secret(pem)) }
  }

  @Test func `a secret never prints`() {
    let secret = Secret("hunter2")
    var dumped = ""
    dump(secret, to: &dumped)
    #expect(!"\(secret) \(String(reflecting: secret)) \(dumped)".contains("hunter2"))
  }

  @Test func `openssl reads the request and finds the names`() async throws {
    let scratch = try ScratchFolder()
    let key = try PrivateKey.generate(.ecdsaP256)
    let request = try CertificateRequest(
      names: ["a.example", "*.b.example", "192.0.2.1", "2001:db8::1"], key: key)
    try request.der.write(to: URL(filePath: scratch.path + "/csr"))
    let text = try await Program.succeed(
      try Program.find("openssl"),
      ["req", "-inform", "DER", "-in", scratch.path + "/csr", "-noout", "-text", "-verify"])
    #expect(
      text.contains("DNS:a.example, DNS:*.b.example, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1"))
  }
}

@Suite struct SealingTests {
  private let key = SealingKey(Array(repeating: 7, count: 32))

  @Test func `what is sealed opens again, and differs each time`() throws {
    let key = try #require(key)
    let one = try key.seal(Secret("secret"), for: "row 1")
    let two = try key.seal(Secret("secret"), for: "row 1")
    #expect(one != two)
    #expect(try key.open(one, for: "row 1").reveal() == "secret")
    #expect(!String(decoding: one, as: UTF8.self).contains("secret"))
  }

  @Test func `another row, another key or altered bytes do not open`() throws {
    let key = try #require(key)
    let sealed = try key.seal(Secret("secret"), for: "row 1")
    #expect(throws: SealingKey.Unopened.self) { try key.open(sealed, for: "row 2") }
    let other = try #require(SealingKey(Array(repeating: 8, count: 32)))
    #expect(throws: SealingKey.Unopened.self) { try other.open(sealed, for: "row 1") }
    for index in sealed.indices {
      var altered = sealed
      altered[index] ^= 1
      #expect(throws: SealingKey.Unopened.self) { try key.open(altered, for: "row 1") }
    }
    #expect(throws: SealingKey.Unopened.self) { try key.open(sealed.prefix(20), for: "row 1") }
  }
}

@Suite struct JWSTests {
  @Test func `openssl verifies the signature`() async throws {
    let scratch = try ScratchFolder()
    let key = try PrivateKey.generate(.ecdsaP256)
    let url = try #require(URL(string: "https://ca.example/new-order"))
    let jws = try JWSSigner(key: key).sign(payload: Data("{}".utf8), url: url, nonce: "n", as: .key)
    let parts = try JSONDecoder().decode([String: String].self, from: jws)
    let raw = try #require(Data(base64URL: parts["signature"] ?? ""))
    #expect(raw.count == 64)
    try Data(ecdsaDER(raw)).write(to: URL(filePath: scratch.path + "/sig"))
    try scratch.write("message", "\(parts["protected"] ?? "").\(parts["payload"] ?? "")")
    try scratch.write("key", try key.pem().reveal())
    let openssl = try Program.find("openssl")
    try await Program.succeed(
      openssl, ["pkey", "-in", scratch.path + "/key", "-pubout", "-out", scratch.path + "/pub"])
    let verified = try await Program.succeed(
      openssl,
      [
        "dgst", "-sha256", "-verify", scratch.path + "/pub", "-signature", scratch.path + "/sig",
        scratch.path + "/message",
      ])
    #expect(verified.contains("Verified OK"))
    let header = try #require(Data(base64URL: parts["protected"] ?? ""))
    let fields = try #require(try JSONSerialization.jsonObject(with: header) as? [String: Any])
    #expect(Set(fields.keys) == ["alg", "jwk", "nonce", "url"])
  }

  /// SEQUENCE of two INTEGERs.
  private func ecdsaDER(_ raw: Data) -> [UInt8] {
    func integer(_ bytes: Data) -> [UInt8] {
      var value = Array(bytes.drop { $0 == 0 })
      if value.first ?? 0 >= 0x80 { value.insert(0, at: 0) }
      return [2, UInt8(value.count)] + value
    }
    let body = integer(raw.prefix(32)) + integer(raw.suffix(32))
    return [0x30, UInt8(body.count)] + body
  }
}
