import Fleet
import Foundation
import PKI
import Testing
import ThrowawayFleet

@Suite struct ChainTests {
  private let scratch: ScratchFolder
  private let key: PrivateKey

  init() async throws {
    scratch = try ScratchFolder()
    key = try PrivateKey.generate(.ecdsaP256)
    try scratch.write("key", try key.pem().reveal())
    try await Program.succeed(
      try Program.find("openssl"),
      [
        "req", "-x509", "-new", "-key", scratch.path + "/key", "-days", "10", "-subj", "/CN=x", "-addext",
        "subjectAltName=DNS:A.example,DNS:b.example", "-out", scratch.path + "/cert",
      ])
  }

  private var pem: String { Files.read(scratch.path + "/cert") }

  @Test func `facts are those that openssl shows`() async throws {
    let chain = try CertificateChain(pem: pem)
    let facts = try chain.facts(lineage: "x", generation: Generation(3), issuedAt: Date(), origin: nil)
    let openssl = try Program.find("openssl")
    let shown = try await Program.succeed(
      openssl,
      ["x509", "-in", scratch.path + "/cert", "-noout", "-serial", "-fingerprint", "-sha256", "-enddate"])
    #expect(shown.contains("serial=\(facts.serial)\n"))
    #expect(shown.replacing(":", with: "").lowercased().contains(facts.fingerprint.rawValue))
    #expect(facts.names == ["a.example", "b.example"])
    #expect(abs(facts.notAfter.timeIntervalSince(facts.notBefore) - 10 * 86400) < 1)
  }

  @Test func `only certificates are accepted`() throws {
    #expect(throws: CertificateChain.Refused.self) { try CertificateChain(pem: "") }
    #expect(throws: CertificateChain.Refused.self) {
      try CertificateChain(pem: pem + Files.read(scratch.path + "/key"))
    }
    #expect(throws: CertificateChain.Refused.self) { try CertificateChain(pem: String(pem.dropLast(100))) }
    #expect(throws: CertificateChain.Refused.self) {
      try CertificateChain(pem: pem + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    }
  }

  @Test func `a chain for another key, other names or another time is refused`() throws {
    let chain = try CertificateChain(pem: pem)
    try chain.check(key: .held(key), names: ["a.example"], at: Date())
    let other = try PrivateKey.generate(.ecdsaP256)
    #expect(throws: CertificateChain.Refused.self) {
      try chain.check(key: .held(other), names: [], at: Date())
    }
    #expect { try chain.check(key: .held(key), names: ["c.example"], at: Date()) } throws: {
      "\($0)".contains("c.example")
    }
    #expect {
      try chain.check(key: .held(key), names: [], at: Date(timeIntervalSinceNow: 11 * 86400))
    } throws: {
      "\($0)".contains("expired")
    }
    #expect { try chain.check(key: .held(key), names: [], at: Date(timeIntervalSinceNow: -86400)) } throws: {
      "\($0)".contains("not valid before")
    }
  }
}
