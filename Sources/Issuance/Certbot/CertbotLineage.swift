package import Fleet
import FoundationEssentials
import Glibc

extension CertbotLineage {
  init(name: String, _ file: ConfigurationFile) {
    let parameters = file.sections["renewalparams"] ?? [:]
    self.init(
      name: name, authenticator: parameters["authenticator"], server: parameters["server"],
      preHook: parameters["pre_hook"], deployHook: parameters["renew_hook"] ?? parameters["deploy_hook"],
      postHook: parameters["post_hook"])
  }
}

/// An existing certbot's configuration folder, read and never written.
package struct CertbotInstallation: Sendable {
  package let path: String
  /// By name; a file that cannot be read is left out and named in `problems`.
  package let lineages: [CertbotLineage]
  /// Scripts that run for every lineage, in certbot's order.
  package let directoryHooks: [Moment: [String]]
  package let problems: [String]

  /// certbot's words, in the order in which they come.
  package enum Moment: String, Sendable, CaseIterable { case pre, deploy, post }

  /// - Throws: `Unreadable` when there is no certbot.
  package init(path: String) throws(Unreadable) {
    self.path = path
    let folder = path + "/renewal"
    guard let files = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
      throw Unreadable(
        description:
          "\(folder) cannot be read; name certbot's configuration folder with --from, and read it as its owner"
      )
    }
    var lineages: [CertbotLineage] = []
    var problems: [String] = []
    for file in files.sorted() where file.hasSuffix(".conf") {
      guard let data = FileManager.default.contents(atPath: "\(folder)/\(file)") else {
        problems.append("\(folder)/\(file) cannot be read")
        continue
      }
      let text = String(decoding: data, as: UTF8.self)
      lineages.append(CertbotLineage(name: String(file.dropLast(".conf".count)), ConfigurationFile(text)))
    }
    self.lineages = lineages
    self.problems = problems
    directoryHooks = Dictionary(
      uniqueKeysWithValues: Moment.allCases.map {
        ($0, Self.scripts(in: "\(path)/renewal-hooks/\($0.rawValue)"))
      })
  }

  package struct Unreadable: Error, CustomStringConvertible {
    package let description: String
  }

  /// certbot's `list_hooks`: executable files, none whose name ends in `~`, in the order of their bytes.
  private static func scripts(in folder: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter { !$0.hasSuffix("~") }.map { "\(folder)/\($0)" }
      .filter { path in
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
      }
      .sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
  }
}

/// certbot's renewal files, as ConfigObj writes them: `key = value` lines below `[section]` heads; nested sections
/// (`[[…]]`) hold nothing for us.
struct ConfigurationFile {
  private(set) var sections: [String: [String: String]] = [:]

  init(_ text: String) {
    var section: String? = ""
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)[...]
    while let line = lines.popFirst()?.trimmed {
      if line.isEmpty || line.hasPrefix("#") { continue }
      if line.hasPrefix("[") {
        section = line.hasPrefix("[[") ? nil : line.dropFirst().prefix { $0 != "]" }.trimmed
        continue
      }
      guard let section, let equals = line.firstIndex(of: "=") else { continue }
      let key = line[..<equals].trimmed
      let value = line[line.index(after: equals)...].trimmed
      sections[section, default: [:]][key] = Self.plain(value, &lines)
    }
  }

  /// Without the quotes that ConfigObj puts around what needs them; three of them may go over several lines.
  private static func plain(_ value: String, _ rest: inout ArraySlice<String>) -> String {
    for quote in ["'''", "\"\"\""] where value.hasPrefix(quote) {
      var text = String(value.dropFirst(3))
      while !text.hasSuffix(quote), let next = rest.popFirst() { text += "\n" + next }
      return text.hasSuffix(quote) ? String(text.dropLast(3)) : text
    }
    guard let first = value.first, ["'", "\""].contains(first), value.count > 1, value.last == first else {
      return value
    }
    return String(value.dropFirst().dropLast())
  }
}
