import Fleet
import Foundation
import Testing
import ThrowawayFleet

@testable import Inventory

/// The manual page and the JSON Schema say what is read, and nothing else.
@Suite struct DescriptionTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  /// Inventories with a place for a key of each object, `@`.
  private static let places: [String: [String]] = {
    func certificate(_ more: String) -> String {
      "certificates: [{name: 'c', domains: ['c.example'], issuer: 'ca', \(more)}]"
    }
    func deployment(_ more: String) -> String { certificate("deploy: [{to: '*', \(more)}]") }
    func rollout(_ more: String) -> String { "rollouts: [{name: 'r', \(more)}]" }
    return [
      "inventory": ["@"], "defaults": ["defaults: {@}"], "host": ["hosts: [{name: 'h', @}]"],
      "become": ["hosts: [{name: 'h', become: {@}}]"],
      "issuer": ["acme", "certbot", "files"].map { "issuers: [{name: 'i', type: '\($0)', @}]" },
      "certificate": [certificate("@")], "key": [certificate("key: {@}")],
      "challenge": ["http-01", "dns-01"].map { certificate("challenge: {type: '\($0)', @}") },
      "nsupdate": [certificate("challenge: {type: 'dns-01', nsupdate: {@}}")],
      "command": [certificate("challenge: {type: 'dns-01', auth_hook: {@}}")],
      "deployment": [deployment("@")], "hooks": [deployment("hooks: {@}")],
      "hook": [deployment("hooks: {pre: {@}}")], "layout": [deployment("layout: {@}")],
      "file": [deployment("files: [{@}]")],
      "verification": [deployment("verify: [{@}]"), deployment("verify: [{run: 'true', @}]")],
      "rollout": [rollout("@")], "wave": [rollout("waves: [{@}]")], "limit": [rollout("limits: [{@}]")],
      "window": [rollout("window: {@}")], "rollout hooks": [rollout("hooks: {@}")],
      "notifier": ["mail: 'a@example.com'", "webhook: 'https://example.com'"].map { "notify: [{\($0), @}]" },
      "metrics": ["metrics: {@}"], "history": ["history: {@}"],
    ]
  }()

  private func problems(_ text: String) throws -> [String] {
    do {
      _ = try InventoryFiles.read([try scratch.write("f.json5", "{\(text)}")], beside: FleetDeclaration())
      return []
    } catch let invalid as InvalidInventory { return invalid.problems.map { "\($0)" } }
  }

  @Test(arguments: InventoryDescription.standard.objects.map(\.name))
  func `the keys that are described are those that are read`(name: String) throws {
    let described = try #require(InventoryDescription.standard.objects.first { $0.name == name })
    var read: Set<String> = []
    for place in try #require(Self.places[name]) {
      let told = try #require(
        try problems(place.replacing("@", with: "zzzz: 1")).first { $0.contains("unknown key 'zzzz'") })
      let known = try #require(told.components(separatedBy: "; known are ").last)
      read.formUnion(known.components(separatedBy: ", "))
    }
    // A key that only tells what to write in its place.
    read.remove("eab_hmac_key")
    #expect(Set(described.members.map(\.key)) == read)
    // What must be there is missed where it is not.
    for place in Self.places[name] ?? [] {
      let told = try problems(place.replacing("@", with: ""))
      for member in described.members where member.isRequired && !place.contains("\(member.key): '") {
        #expect(told.contains { $0.contains("'\(member.key)' is missing") }, "\(told)")
      }
    }
  }

  @Test func `every object that is referred to is described`() {
    func names(_ kind: InventoryDescription.Kind) -> [String] {
      switch kind {
      case .object(let name): [name]
      case .list(let kind), .oneOrList(let kind): names(kind)
      case .either(let kinds): kinds.flatMap(names)
      default: []
      }
    }
    let all = InventoryDescription.standard.objects
    #expect(
      Set(all.flatMap(\.members).flatMap { names($0.kind) })
        == Set(all.map(\.name)).subtracting(["inventory"]))
  }

  /// By Debian's python3-jsonschema.
  private func validate(_ inventory: JSONValue) async throws -> Program.Result {
    let schema = try scratch.write(
      "schema.json", try FleetJSON.pretty(InventoryDescription.standard.schema()))
    let file = try scratch.write("instance.json", try FleetJSON.pretty(inventory))
    return try await Program.run("/usr/bin/jsonschema", ["-i", file, schema])
  }

  private func read(_ json5: String) throws -> JSONValue {
    let decoder = JSONDecoder()
    decoder.allowsJSON5 = true
    return try decoder.decode(JSONValue.self, from: Data(json5.utf8))
  }

  @Test func `the schema takes the example and what the tests declare`() async throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let example = try String(contentsOf: root.appending(path: "inventory/example.json5"), encoding: .utf8)
    let all = [
      example,
      """
      { $schema: 'certfleet.schema.json', defaults: {become: {method: 'doas', user: 'app'}, limits: {parallel: 3}},
        notify: [{command: 'cat', name: 'x'}], certificates: [{name: 'c', issuer: ['a', 'b'],
        challenge: {type: 'dns-01', provider: 'cloudflare', credentials_file: 'x'}, deploy: [{to: 'web*',
        hooks: {pre: 'true', deploy: ['@nginx', {run: 'x', timeout: '1m30s'}]}, verify: [{tls: 25, starttls: 'smtp'}, {run: 'true'}]}]}],
        rollouts: [{name: 'all', waves: ['role=canary', {take: 2, bake: '2m', approve: true}, '10%', 'rest'], max_failed: '5%',
        max_unreachable: 3, look_every: 'never', window: [{from: '22:00', to: '4:30', zone: 'Europe/Berlin'}]}] }
      """,
    ]
    for text in all {
      let result = try await validate(try read(text))
      #expect(result.status == 0, "\(result.everything)")
    }
  }

  @Test(arguments: [
    ("{hosts: [{name: 'a', prot: 22}]}", "prot"), ("{hosts: [{address: 'x'}]}", "name"),
    ("{hosts: [{name: 'a', port: 70000}]}", "70000"), ("{hosts: [{name: 'a b'}]}", "a b"),
    ("{hosts: {}}", "{}"), ("{rollouts: [{name: 'r', waves: [0]}]}", "0"),
    ("{certificates: [{name: 'c', issuer: 'i', key: {type: 'dsa'}}]}", "dsa"),
    ("{rollouts: [{name: 'r', waves: [{bake: '2 min', take: 1}]}]}", "2 min"),
  ])
  func `the schema refuses what apply refuses`(text: String, told: String) async throws {
    let result = try await validate(try read(text))
    #expect(result.status == 1 && result.everything.contains(told), "\(result.everything)")
    #expect(!(try problems(String(text.dropFirst().dropLast()))).isEmpty)
  }
}
