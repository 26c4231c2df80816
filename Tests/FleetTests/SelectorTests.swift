import Fleet
import Testing

@Suite struct SelectorTests {
  private let web = Host(name: "web1", address: "a", labels: ["role": "web", "region": "eu"])
  private let mail = Host(name: "mail", address: "b", labels: ["role": "mail", "legacy": "yes"])

  @Test(arguments: [
    ("role=web", true, false), ("role==web", true, false), ("role!=web", false, true),
    ("region in (eu, us)", true, false), ("region notin (eu)", false, true), ("region", true, false),
    ("!legacy", true, false), ("role=web,region in (us)", false, false), ("*", true, true),
    ("web*", true, false), ("name:mail", false, true), ("w?b1", true, false),
    ("!web*", false, true), ("!name:web1", false, true), ("role,!name:mail", true, false),
  ])
  func `picks hosts by label and name`(text: String, picksWeb: Bool, picksMail: Bool) throws {
    let selector = try Selector(text)
    #expect(selector.matches(web) == picksWeb)
    #expect(selector.matches(mail) == picksMail)
  }

  @Test(arguments: [
    ("", 0), ("role=", 5), ("role in eu", 8), ("role in (eu", 11), ("role=web,", 9), ("a b", 2),
    ("role=$x", 5), ("role=we*", 7), ("role in (eu,w?b)", 13), ("role!=*", 6),
  ])
  func `points at the place where it cannot be read`(text: String, offset: Int) {
    #expect { try Selector(text) } throws: { ($0 as? Selector.Malformed)?.offset == offset }
  }
}

@Suite struct WordsTests {
  @Test func `names sort by the value of their numbers`() {
    #expect(
      ["web10", "web2", "web1", "a", "web02"].sorted { $0.naturallyPrecedes($1) } == [
        "a", "web1", "web02", "web2", "web10",
      ])
  }

  @Test(arguments: [
    ("5s", 5.0), ("500ms", 0.5), ("2m", 120), ("1.5h", 5400), ("1d", 86400), ("1h30m", 5400), ("1d 12h", -1),
    ("2d12h5m1s", 216301),
  ])
  func `durations have units`(text: String, seconds: Double) {
    #expect(Duration(text: text)?.seconds == (seconds < 0 ? nil : seconds))
  }

  @Test(arguments: ["5", "", "s", "-1s", "5x", "infs", "nans", "1e99d", "1h30", "30m1h", "1h1h"])
  func `a number without its unit is no duration`(text: String) {
    #expect(Duration(text: text) == nil)
  }

  @Test func `what could move a cursor or forge a line is made visible`() {
    #expect("a\u{1B}[2J\nb\u{202E}c\u{2028}".visible == "a\\u{1B}[2J\\nb\\u{202E}c\\u{2028}")
  }
}
