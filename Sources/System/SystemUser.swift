import FoundationEssentials
import Glibc

/// Who this process runs as: passwd(5).
package enum SystemUser {
  /// The user's name; the number where it has none.
  package static var name: String {
    getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? "\(geteuid())"
  }

  /// `$HOME`, or else what passwd(5) says.
  package static func home(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> String {
    if let home = environment["HOME"], !home.isEmpty { return home }
    return getpwuid(geteuid()).map { String(cString: $0.pointee.pw_dir) } ?? "/"
  }
}

/// Paths as people type them.
package enum Paths {
  /// With the user's home in the place of a leading `~/`.
  package static func expandingTilde(_ path: String) -> String {
    path.hasPrefix("~/") ? SystemUser.home() + path.dropFirst() : path
  }

  /// Absolute, without a slash at its end.
  package static func standardized(_ path: String) -> String {
    trimmed(URL(filePath: path).standardizedFileURL)
  }

  /// Whether both are the same place, symbolic links followed.
  package static func isSame(_ one: String, _ other: String) -> Bool {
    trimmed(URL(filePath: one).resolvingSymlinksInPath())
      == trimmed(URL(filePath: other).resolvingSymlinksInPath())
  }

  private static func trimmed(_ url: URL) -> String {
    let path = url.path(percentEncoded: false)
    return path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }
}
