package import Fleet
import FoundationEssentials
import Glibc
import System

/// The hosts that an ssh_config(5) names, each to be reached as ssh reaches it. What is there of patterns, `Match` and tokens stays ssh's to
/// say: an imported host has `ssh_config`, and nothing is copied.
package enum SSHConfigHosts {
  package struct Unreadable: Error, Hashable, Sendable, CustomStringConvertible {
    package let file: String
    package var description: String { "'\(file.visible)' cannot be read; name an ssh_config file" }
  }

  /// - Parameters:
  ///   - file: `nil` is the user's own.
  ///   - ask: what ssh would do.
  /// - Throws: `Unreadable`.
  package static func read(_ file: String?, asking ask: SSHSettings.Reader) throws -> ImportedFleet {
    let path = Paths.expandingTilde(file ?? "~/.ssh/config")
    var fleet = ImportedFleet()
    var names: [String] = []
    try collect(path, into: &names, &fleet, depth: 0)
    for name in names where !fleet.hosts.contains(where: { $0.reached == name }) {
      read(name, file == nil ? .standard : .file(path), ask, into: &fleet)
    }
    // A hop that has no `Host` of its own is reached by ssh as well.
    for hop in fleet.pendingJumps.keys.sorted() where !fleet.hosts.contains(where: { $0.name == hop }) {
      var host = ImportedHost(name: hop)
      host.readsSSHConfig = file == nil ? .standard : .file(path)
      host.comment = "a jump host"
      fleet.add(host)
    }
    fleet.pendingJumps = [:]
    return fleet
  }

  private static func read(
    _ name: String, _ configuration: ImportedHost.SSHConfig, _ ask: SSHSettings.Reader,
    into fleet: inout ImportedFleet
  ) {
    var host = ImportedHost(name: name)
    host.readsSSHConfig = configuration
    do {
      let file: String? = if case .file(let path) = configuration { path } else { nil }
      let settings = try ask(name, file)
      if settings.user == "git" {
        return fleet.note("is logged in to as git, and is no server of yours: left out", of: name)
      }
      host.comment = "\(settings.user)@\(settings.address)" + (settings.port == 22 ? "" : ":\(settings.port)")
      for hop in settings.jumps { fleet.pendingJumps[hop] = ImportedHost(name: hop) }
      for directive in settings.unhonoured { fleet.note("\(directive) is not honoured", of: name) }
    } catch {
      return fleet.note("ssh does not say how it would reach it: \(error)", of: name)
    }
    fleet.add(host)
  }

  /// The words of `Host` lines, of included files, too.
  private static func collect(
    _ path: String, into names: inout [String], _ fleet: inout ImportedFleet, depth: Int
  ) throws {
    guard depth < 16, let data = InputFile.read(path), let text = String(validating: data, as: UTF8.self)
    else {
      if depth > 0 { return fleet.note("is included and cannot be read", of: path) }
      throw Unreadable(file: path)
    }
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.trimmed.split { $0 == " " || $0 == "\t" || $0 == "=" || $0 == "\"" }.map(String.init)
      guard let keyword = words.first?.lowercased(), !keyword.hasPrefix("#") else { continue }
      switch keyword {
      case "host":
        for word in words.dropFirst()
        where !word.contains(where: { "*?!".contains($0) }) && !names.contains(word) {
          names.append(word)
        }
      case "include":
        for pattern in words.dropFirst() {
          for file in matches(pattern) { try collect(file, into: &names, &fleet, depth: depth + 1) }
        }
      default: break
      }
    }
  }

  /// A relative pattern is of `~/.ssh`, as for a user's file.
  private static func matches(_ pattern: String) -> [String] {
    let path = pattern.hasPrefix("/") || pattern.hasPrefix("~") ? pattern : "~/.ssh/" + pattern
    var found = glob_t()
    defer { globfree(&found) }
    guard glob(Paths.expandingTilde(path), 0, nil, &found) == 0 else { return [] }
    return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
  }
}
