import Fleet
import Foundation
import Install
import PKI
import Testing
import ThrowawayFleet

@Test func `the four files of certbot, the key for its owner alone`() async throws {
  let scratch = try ScratchFolder()
  let key = try PrivateKey.generate(.ecdsaP256)
  try scratch.write("key", try key.pem().reveal())
  try await Program.succeed(
    try Program.find("openssl"),
    ["req", "-x509", "-new", "-key", scratch.path + "/key", "-subj", "/CN=x", "-out", scratch.path + "/cert"])
  let leaf = Files.read(scratch.path + "/cert")
  let files = try CertbotLayout.files(chain: CertificateChain(pem: leaf + leaf), key: key)
  #expect(files.map(\.name) == ["cert.pem", "chain.pem", "fullchain.pem", "privkey.pem"])
  #expect(files.map(\.mode) == ["0644", "0644", "0644", "0600"])
  #expect(files.map { $0.content.reveal() } == [leaf, leaf, leaf + leaf, try key.pem().reveal()])
}
