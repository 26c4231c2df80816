import Fleet
import Testing

@Suite struct FieldChangeTests {
  private func changes(_ former: String, _ new: String) throws -> [String] {
    try FieldChange.all(from: former, to: new).map {
      "\($0.field) \($0.before ?? "-") \($0.after ?? "-") \($0.removed) \($0.added)"
    }
  }

  @Test func `what differs is told by its member`() throws {
    #expect(try changes(#"{"a": 1, "b": "x"}"#, #"{"b": "x", "a": 1.0}"#) == [])
    #expect(
      try changes(#"{"address": "10.0.0.11", "port": 22}"#, #"{"address": "10.0.0.12", "port": 2222}"#) == [
        "address 10.0.0.11 10.0.0.12 [] []", "port 22 2222 [] []",
      ])
    #expect(
      try changes(#"{"domains": ["a", "b"]}"#, #"{"domains": ["b", "c"]}"#) == [#"domains - - ["a"] ["c"]"#])
    #expect(
      try changes(#"{"domains": ["a", "b"]}"#, #"{"domains": ["b", "a"]}"#) == ["domains a, b b, a [] []"])
    #expect(
      try changes(
        #"{"deploy": [{"to": "*", "hooks": {"deploy": [{"run": "x"}]}}]}"#,
        #"{"deploy": [{"to": "*", "hooks": {"deploy": [{"run": "y"}]}}, {"to": "db"}]}"#) == [
          "deploy[0].hooks.deploy[0].run x y [] []", "deploy[1] - {to: db} [] []",
        ])
    #expect(
      try changes(#"{"become": true}"#, #"{"become": {"method": "doas"}}"#) == [
        "become true {method: doas} [] []"
      ])
    #expect(try changes(#"{"a": null}"#, #"{}"#) == ["a null - [] []"])
  }
}
