import Fleet
import Foundation
import PKI
import Testing
import ThrowawayFleet

/// Certificates that come as files, made by openssl as shops and people make them.
@Suite struct ProvidedCertificateTests {
  private let scratch: ScratchFolder
  private let openssl: String

  init() async throws {
    scratch = try ScratchFolder()
    openssl = try Program.find("openssl")
    try await run(
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=Root -keyout root.key -out root.pem"
    )
    try await sign("middle", subject: "/CN=Middle", by: "root", "basicConstraints=critical,CA:TRUE")
    try await sign("leaf", subject: "/CN=x", by: "middle", "subjectAltName=DNS:a.example,DNS:*.b.example")
  }

  private func path(_ name: String) -> String { scratch.path + "/" + name }

  private func run(_ arguments: String) async throws {
    let words = arguments.split(separator: " ").map(String.init)
    let files = words.map { $0.contains(".") && !$0.contains("=") && !$0.hasPrefix("/") ? path($0) : $0 }
    try await Program.succeed(openssl, files)
  }

  private func sign(
    _ name: String, subject: String, by issuer: String, _ more: String,
    key: String = "EC -pkeyopt ec_paramgen_curve:P-256",
    days: String = "-days 9"
  ) async throws {
    try scratch.write(name + ".ext", more + "\n")
    try await run("genpkey -algorithm \(key) -out \(name).key")
    try await run("req -new -key \(name).key -subj \(subject) -out \(name).csr")
    try await run(
      "x509 -req -in \(name).csr -CA \(issuer).pem -CAkey \(issuer).key -CAcreateserial \(days) -extfile \(name).ext -out \(name).pem"
    )
  }

  private func problems(
    _ certificate: String, chain: String? = nil, key: String = "leaf.key", names: [String] = [],
    at moment: Date = Date()
  ) -> [String] {
    ProvidedCertificate.problems(
      of: ProvidedFiles(certificate: path(certificate), chain: chain.map(path), privateKey: path(key)),
      names: names,
      at: moment
    ).map { $0.replacing(scratch.path + "/", with: "") }
  }

  @Test func `a good one is taken, whatever the order of its chain`() throws {
    try scratch.write(
      "full.pem", Files.read(path("root.pem")) + Files.read(path("leaf.pem")) + Files.read(path("middle.pem"))
    )
    let provided = try ProvidedCertificate(
      ProvidedFiles(certificate: path("full.pem"), chain: nil, privateKey: path("leaf.key")),
      names: ["a.example", "x.b.example"], at: Date())
    #expect(provided.chain.leaf.names == ["a.example", "*.b.example"])
    #expect(provided.chain.intermediates.map(\.subjectName) == ["Middle", "Root"])
    #expect(problems("leaf.pem", chain: "middle.pem").isEmpty)
  }

  @Test func `everything that is wrong is told at once`() {
    let found = problems(
      "leaf.pem", key: "middle.key", names: ["c.example", "b.example"],
      at: Date(timeIntervalSinceNow: 20 * 86400))
    #expect(found.count == 4)
    #expect(found[0] == "the certificate lacks c.example, b.example; it is for a.example, *.b.example")
    #expect(found[1].contains("the certificate expired at") && found[1].contains("the clock here says"))
    #expect(found[2].contains("the certificate of its issuer 'Middle' is missing"))
    #expect(found[3].matches(of: /SHA256:[0-9a-f]{32}/).count == 2)
    #expect(
      problems("leaf.pem", chain: "middle.pem", at: Date(timeIntervalSinceNow: -86400))[0].contains(
        "not valid before"))
  }

  @Test func `what is no PEM is named with the command that converts it`() async throws {
    try await run("x509 -in leaf.pem -outform DER -out leaf.der")
    try await run("pkcs12 -export -inkey leaf.key -in leaf.pem -passout pass:x -out leaf.p12")
    try await run("pkey -in leaf.key -outform DER -out key.der")
    #expect(
      problems("leaf.der") == [
        "leaf.der is DER; convert it: openssl x509 -inform DER -in leaf.der -out leaf.der.pem"
      ])
    #expect(problems("leaf.p12")[0].hasPrefix("leaf.p12 is PKCS#12; convert it: openssl pkcs12 -in leaf.p12"))
    #expect(
      problems("leaf.pem", chain: "middle.pem", key: "key.der") == [
        "key.der is DER; convert it: openssl pkey -inform DER -in key.der -out key.der.pem"
      ])
    try scratch.write("empty.pem", "")
    try scratch.write("text.pem", "hello")
    #expect(problems("empty.pem") == ["empty.pem is empty"])
    #expect(problems("text.pem")[0].contains("expected a certificate, which begins with -----BEGIN"))
    #expect(problems("none.pem") == ["none.pem cannot be read: no such file or directory"])
  }

  @Test func `keys that cannot be used, and keys in the wrong place`() async throws {
    let (leaf, key) = (
      Files.read(path("leaf.pem")) + Files.read(path("middle.pem")), Files.read(path("leaf.key"))
    )
    try scratch.write("full.pem", leaf)
    try await run("pkey -in leaf.key -aes256 -passout pass:x -out locked.key")
    #expect(
      problems("full.pem", key: "locked.key") == [
        "locked.key holds an encrypted key; decrypt it: openssl pkey -in locked.key -out key.pem"
      ])
    try scratch.write("two.key", key + Files.read(path("middle.key")))
    #expect(problems("full.pem", key: "two.key")[0].contains("holds 2 private keys"))
    try scratch.write("mixed.pem", leaf + key)
    #expect(problems("mixed.pem")[0].contains("holds a private key ('PRIVATE KEY') beside the certificates"))
    #expect(problems("full.pem", key: "leaf.pem") == ["leaf.pem holds no private key but 'CERTIFICATE'"])
    try scratch.write("cut.key", String(key.dropLast(40)))
    #expect(problems("full.pem", key: "cut.key")[0].contains("damaged or cut off"))
    try scratch.write("cut.pem", String(leaf.dropLast(60)))
    #expect(
      problems("cut.pem") == ["cut.pem certificate 2 of 2 is damaged or cut off; copy the file once more"])
    try await sign(
      "weak", subject: "/CN=w", by: "middle", "subjectAltName=DNS:w.example",
      key: "RSA -pkeyopt rsa_keygen_bits:1024")
    #expect(
      problems("weak.pem", chain: "middle.pem", key: "weak.key") == [
        "its RSA key has 1024 bits; clients refuse fewer than 2048"
      ])
  }

  @Test func `a renewal identifier is that of RFC 9773, leading zero and all`() async throws {
    let keyID = "69:88:5B:6B:87:46:40:41:E1:B3:7B:84:7B:A0:AE:2C:DE:01:C8:D4"
    try scratch.write("ari.ext", "2.5.29.35=DER:30:16:80:14:\(keyID)\n")
    try await run(
      "x509 -req -in leaf.csr -CA middle.pem -CAkey middle.key -set_serial 0x87654321 -days 9 -extfile ari.ext -out ari.pem"
    )
    let chain = try CertificateChain(pem: Files.read(path("ari.pem")))
    #expect(chain.leaf.renewalID == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE")
  }
}
