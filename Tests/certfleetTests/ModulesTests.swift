import Foundation
import Testing

/// The picture of the modules and what Package.swift says.
@Suite struct ModulesTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  /// Which of our modules each one's row names.
  private static func declared() throws -> [String: Set<String>] {
    let package = try text("Package.swift")
    var rows: [String: Set<String>] = [:]
    let row =
      /(?:module\(\s*|target\(\s*name: |executableTarget\(\s*name: )"(\w+)",?\s*(?:dependencies: )?(\[[^\]]*\])?/
    for match in package.matches(of: row) {
      let names = (match.2 ?? "").matches(of: /"(\w+)"/).map { String($0.1) }
      rows[String(match.1), default: []].formUnion(names)
    }
    let modules = Set(
      rows.keys.filter {
        FileManager.default.fileExists(atPath: root.path + "/Sources/\($0)") || $0 == "Agents"
      }
    )
    .filter { !$0.hasPrefix("C") || $0 == "Controller" || $0 == "Connections" }
    return rows.filter { modules.contains($0.key) }.mapValues { $0.intersection(modules) }
  }

  /// Everything that a module reaches through others.
  private static func reached(from module: String, in rows: [String: Set<String>]) -> Set<String> {
    (rows[module] ?? []).reduce(into: []) { all, next in
      all.insert(next)
      all.formUnion(reached(from: next, in: rows))
    }
  }

  @Test func `the picture has every arrow that no other way of arrows replaces, and no other`() throws {
    let rows = try Self.declared()
    #expect(rows.count > 12 && rows["certfleet"] != nil && rows["Agents"] != nil)
    var wanted: Set<String> = []
    for (module, imports) in rows {
      for target in imports
      where !imports.contains(where: { $0 != target && Self.reached(from: $0, in: rows).contains(target) }) {
        wanted.insert("\(module) --> \(target)")
      }
    }
    let picture = try Self.text("Sources/certfleet/Reference.docc/Modules.md")
    let drawn = Set(picture.matches(of: /(\w+) --> (\w+)/).map { "\($0.1) --> \($0.2)" })
    #expect(wanted.subtracting(drawn).sorted() == [], "not drawn")
    #expect(drawn.subtracting(wanted).sorted() == [], "drawn, and not so")
  }

  @Test func `arrows go one way`() throws {
    let rows = try Self.declared()
    for module in rows.keys { #expect(!Self.reached(from: module, in: rows).contains(module), "\(module)") }
  }

  /// What an administrator installs on a controller is what it takes to build, and no daemon.
  @Test func `make install needs what building needs, and README says what running needs`() throws {
    let packages = try Self.text(".ci/packages").split(separator: "\n").filter { $0.hasPrefix("build:") }
      .compactMap { $0.split(separator: ":").last.map(String.init) }
    let allowed: Set = [
      "libssh2-1-dev", "libsqlite3-dev", "libssl-dev", "libcurl4-openssl-dev", "pkg-config", "make", "tzdata",
    ]
    #expect(!packages.isEmpty && allowed.isSuperset(of: packages), "\(packages)")
    let makefile = try Self.text("Makefile")
    #expect(makefile.contains("\ninstall: release\n") && makefile.contains("\nrelease: packages-build\n"))
    let readme = try Self.text("README.md")
    for part in [
      "swift.org/install", "libssh2-1 libsqlite3-0 libssl3 libcurl4 tzdata", "make uninstall",
      "certfleet.timer",
      "OnFailure=", "certfleet backup", "Troubleshooting.md",
    ] { #expect(readme.contains(part), "\(part)") }
  }

  @Test func `README names every module`() throws {
    let readme = try Self.text("README.md")
    for module in try Self.declared().keys where module != "Agents" {
      #expect(readme.contains("Sources/\(module)`"), "\(module)")
    }
  }

  /// A page that explains messages nobody prints any more sends people astray.
  @Test func `every message that troubleshooting explains is one of ours`() throws {
    let page = try Self.text("Sources/certfleet/Reference.docc/Troubleshooting.md")
    let table = try #require(page.split(separator: "## What it says, and what to do").last)
    var sources = ""
    for folder in ["Sources", "Agents"] {
      let files = FileManager.default.enumerator(atPath: Self.root.path + "/" + folder)
      while let file = files?.nextObject() as? String {
        guard file.hasSuffix(".swift") || file.hasSuffix(".sh") else { continue }
        sources += try Self.text(folder + "/" + file)
      }
    }
    let messages = table.matches(of: /(?m)^\| `([^`]+)` \|/).map { String($0.1) }
    #expect(messages.count > 5)
    for message in messages {
      // What a message fills in stands between its parts.
      for part in message.split(separator: "…").map({ $0.trimmingCharacters(in: .whitespaces) }) {
        let isOurs = sources.contains(part)
        #expect(isOurs, "\(part)")
      }
    }
  }
}
