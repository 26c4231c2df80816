import Foundation
import Testing
import ThrowawayFleet

@testable import SSH

/// Known hosts as ssh reads them, beside ssh-keygen where it can be asked.
@Suite struct KnownHostsTests {
  /// A public key as base64, of a type.
  private func encoded(_ type: String, _ seed: UInt8) -> String {
    let name = Array(type.utf8)
    return Data([0, 0, 0, UInt8(name.count)] + name + [0, 0, 0, 32] + [UInt8](repeating: seed, count: 32))
      .base64EncodedString()
  }

  private func line(_ names: String, _ seed: UInt8, type: String = "ssh-ed25519") -> String {
    "\(names) \(type) \(encoded(type, seed)) comment\n"
  }

  /// The seeds of the keys that are found.
  private func seeds(_ keys: [ServerKey]) -> [UInt8] { keys.compactMap(\.blob.last) }

  @Test func `names, ports, patterns and markers are read as ssh reads them`() {
    let known = KnownHosts(
      """
      # a comment

      \(line("web1,10.0.0.1", 1))\(line("[web1]:2222", 2))\(line("*.example,!no.example", 3))\
      @revoked \(line("web2", 4))\(line("web2", 4))\(line("web2", 5))\
      @cert-authority \(line("*.corp", 6))@unknown \(line("web3", 7))\(line("WEB4", 8))web5 ssh-ed25519 AAAA
      web6 ssh-rsa \(encoded("ssh-ed25519", 9))
      """)
    func found(_ names: String..., port: UInt16 = 22) -> [UInt8] {
      seeds(known.keys(of: names, port: port).keys)
    }
    #expect(found("web1") == [1] && found("10.0.0.1") == [1] && found("web1", "10.0.0.1") == [1])
    #expect(found("web1", port: 2222) == [2] && found("web1", port: 23).isEmpty)
    #expect(found("a.example") == [3] && found("no.example").isEmpty && found("example").isEmpty)
    let revoked = known.keys(of: ["web2"], port: 22)
    #expect(seeds(revoked.keys) == [5] && seeds(revoked.revoked) == [4])
    let vouched = known.keys(of: ["x.corp"], port: 22)
    #expect(vouched.keys.isEmpty && seeds(vouched.authorities) == [6])
    #expect(found("web3").isEmpty && found("web4") == [8] && found("web5").isEmpty && found("web6").isEmpty)
    #expect(known.unreadable.count == 3)
  }

  @Test func `hashed names are found, and fingerprints are ssh-keygen's`() async throws {
    let scratch = try ScratchFolder()
    for type in ["ed25519", "ecdsa", "rsa"] {
      try await KeyPair.make(at: scratch.path + "/" + type, type: type)
    }
    let keys = ["ed25519", "ecdsa", "rsa"].map { Files.read(scratch.path + "/\($0).pub") }
    try scratch.write("known", "web1 \(keys[0])[10.0.0.9]:2222 \(keys[1])other \(keys[2])")
    let keygen = try Program.find("ssh-keygen")
    try await Program.succeed(keygen, ["-q", "-H", "-f", scratch.path + "/known"])
    let text = Files.read(scratch.path + "/known")
    #expect(text.hasPrefix("|1|") && !text.contains("web1"))
    let known = KnownHosts(text)
    for (name, port, type) in [
      ("web1", UInt16(22), "ed25519"), ("10.0.0.9", 2222, "ecdsa"), ("other", 22, "rsa"),
    ] {
      let key = try #require(known.keys(of: [name], port: port).keys.first)
      let shown = try await Program.succeed(keygen, ["-l", "-f", scratch.path + "/\(type).pub"])
      #expect(key.line("throwaway") + "\n" == shown)
    }
    #expect(known.keys(of: ["10.0.0.9"], port: 22).keys.isEmpty)
  }
}
