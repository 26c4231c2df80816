import Testing

@testable import Issuance

/// Nothing becomes a line of nsupdate's but a name, a value and a server.
@Suite struct UpdateTextTests {
  private static let hostile = [
    "m.example. 60 TXT \"x\"\nupdate delete victim.example. A\nsend", "a b", "a\tb", "a;b", "a\\010b", "a\"b",
    "", ".", "a..b", "é.example",
    String(repeating: "a", count: 64) + ".example", "a\r\nb", "a\0b", "$(id)", "`id`",
  ]

  @Test(arguments: hostile) func `hostile text is refused wherever it is written`(text: String) {
    #expect(throws: ProofFailure.self) { try UpdateText.name(text) }
    #expect(throws: ProofFailure.self) { try UpdateText.value(text) }
    if !["..", ".", "a..b", String(repeating: "a", count: 64) + ".example"].contains(text) {
      #expect(throws: ProofFailure.self) { try UpdateText.server(text) }
    }
  }

  @Test func `names, values and servers are written as they are`() throws {
    #expect(try UpdateText.name("_acme-challenge.a.example") == "_acme-challenge.a.example.")
    #expect(try UpdateText.name("_acme-challenge.a.example.") == "_acme-challenge.a.example.")
    #expect(try UpdateText.value("Ab-_9") == "\"Ab-_9\"")
    #expect(
      try UpdateText.server("2001:db8::1") == "2001:db8::1"
        && UpdateText.server("ns1.example") == "ns1.example")
  }
}
