import Fleet
import Foundation
import Testing
import ThrowawayFleet

@Suite struct FoldingTests {
  private func folded(_ names: [String], upTo limit: Int? = nil) -> String {
    HostSet.folded(names.map { Host.Name($0) }, upTo: limit)
  }

  @Test(arguments: [
    (["web1", "web2", "web3"], "web[1-3]"), (["web1", "web3", "web4", "mail"], "mail,web[1,3-4]"),
    (["web7"], "web7"), (["a", "b"], "a,b"), ([], ""), (["1", "2"], "[1-2]"),
    (["w01", "w02"], "w[01-02]"), (["n1x", "n2x"], "n[1-2]x"),
    (["web08", "web09", "web10"], "web[08-10]"), (["web98", "web99", "web100"], "web[98-100]"),
    (["web1", "web01", "web2", "web02"], "web[1-2,01-02]"),
    (["rack1n1", "rack1n2", "rack2n1", "rack2n2"], "rack[1-2]n[1-2]"),
    (
      ["web1.eu.example.net", "web2.eu.example.net", "web1.us.example.net", "web2.us.example.net"],
      "web[1-2].{eu,us}.example.net"
    ),
    (["db1.example.net", "web1.example.net", "web2.example.net"], "{db1,web[1-2]}.example.net"),
    (["web1.example.net", "example.net"], "example.net,web1.example.net"),
    (["x12345678901234567890", "x12345678901234567891"], "x12345678901234567890,x12345678901234567891"),
    (["web1", "web1"], "web1"),
  ])
  func `hosts are folded`(names: [String], expected: String) {
    #expect(folded(names) == expected)
  }

  @Test func `what is long is counted`() {
    #expect(folded((1...10_000).map { "web\($0)" }, upTo: 80) == "web[1-10000]")
    let sparse = folded((1...10_000).map { "web\($0 * 2)" }, upTo: 80)
    #expect(sparse == "web[2,4,6,8] … and 9,996 more")
    let words = folded(
      ["mail"] + (0..<5000).map { "h" + String($0, radix: 2).map { $0 == "0" ? "a" : "b" } }, upTo: 80)
    #expect(words.count <= 80 && words.hasSuffix(" more"), "\(words)")
  }

  /// ClusterShell's own folding of fleets as people have them.
  @Test func `no set is longer than nodeset's, and each says the same hosts`() async throws {
    var generator = Seeded(state: 20_261_129)
    func some(_ names: [String]) -> [String] {
      names.filter { _ in Int.random(in: 0..<5, using: &generator) > 0 }
    }
    func padded(_ number: Int, _ width: Int) -> String {
      String(repeating: "0", count: max(width - String(number).count, 0)) + String(number)
    }
    let fleets: [[String]] = [
      (1...200).map { "web\($0)" }, (1...120).map { "web\(padded($0, 3))" },
      (8...11).map { "w\(padded($0, 2))" },
      (1...40).flatMap { n in ["eu", "us"].map { "web\(padded(n, 2)).\($0).example.net" } },
      (1...12).flatMap { rack in (1...16).map { "rack\(padded(rack, 2))node\($0)" } },
      (1...5).flatMap { r in (1...4).flatMap { c in (1...6).map { "r\(r)c\(c)s\($0)" } } },
      (1...9).map { "db\($0)-prod" } + (1...9).map { "db\($0)-test" } + ["mail", "ns1", "ns2", "ns10"],
      (0...255).map { "ip-10-0-\($0 / 16)-\($0)" },
    ]
    for fleet in fleets {
      for names in [fleet] + (0..<12).map({ _ in some(fleet) }) where !names.isEmpty {
        let ours = folded(names)
        let theirs = try await Program.succeed(try Program.find("nodeset"), ["--fold"] + names)
          .trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(ours.count <= theirs.count, "\(ours)\n\(theirs)")
        guard !ours.contains("{") else { continue }
        let expanded = try await Program.succeed(try Program.find("nodeset"), ["--expand", ours])
          .split(whereSeparator: \.isWhitespace).map(String.init)
        #expect(Set(expanded) == Set(names), "\(ours)")
      }
    }
  }
}

/// The same fleets each time (xorshift64*).
private struct Seeded: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 2_685_821_657_736_338_717
  }
}
