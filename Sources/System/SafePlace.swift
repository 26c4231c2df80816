import CSystem
import FoundationEssentials
import Glibc

/// Whether a file or folder of the controller's is only its own: every folder and link on the way to it, as it is written and where
/// it leads, is nobody's but root's and the user's to put things into, to turn or to replace. The same rule as the agent's on a
/// host (`survey` in Agents/agent/places.sh); with access lists by acl(5).
package enum SafePlace {
  /// What is wrong, and the command that mends it.
  package struct Flaw: Hashable, Sendable {
    package let path: String
    package let what: String
    package let remedy: String
  }

  private static let mostLinks = 40

  /// - Parameter path: absolute, or from the current folder; what is not there yet is passed over.
  /// - Returns: `nil` where it is only ours.
  package static func flaw(of path: String) -> Flaw? {
    let user = geteuid()
    let whole = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    var rest = whole.split(separator: "/").map(String.init)[...]
    var (walked, links) = ("", 0)
    if let flaw = flaw(ofComponent: "/", isPlace: rest.isEmpty, user) { return flaw }
    while let next = rest.popFirst() {
      if next == ".." {
        walked = String(walked.prefix(upTo: walked.lastIndex(of: "/") ?? walked.startIndex))
        continue
      }
      guard next != "." else { continue }
      let here = walked + "/" + next
      if let flaw = flaw(ofComponent: here, isPlace: rest.isEmpty, user) { return flaw }
      guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: here) else {
        walked = here
        continue
      }
      links += 1
      guard links <= mostLinks else {
        return Flaw(path: here, what: "leads through too many links", remedy: "name the folder itself")
      }
      if target.hasPrefix("/") { walked = "" }
      rest = (target.split(separator: "/").map(String.init) + rest)[...]
    }
    return nil
  }

  private static func flaw(ofComponent path: String, isPlace: Bool, _ user: uid_t) -> Flaw? {
    var facts = stat()
    guard lstat(path, &facts) == 0 else { return nil }
    let isLink = facts.st_mode & S_IFMT == S_IFLNK
    guard facts.st_uid == 0 || facts.st_uid == user else {
      return Flaw(
        path: path, what: "belongs to uid \(facts.st_uid), who could put something else there",
        remedy: "chown \(isLink ? "-h " : "")\(user) \(path)")
    }
    guard !isLink else { return nil }
    let isSticky = facts.st_mode & S_ISVTX != 0 && facts.st_mode & S_IFMT == S_IFDIR
    if facts.st_mode & 0o002 != 0 {
      // There, others cannot move what is ours.
      if isSticky, !isPlace { return nil }
      return Flaw(path: path, what: "can be written by others", remedy: "chmod o-w \(path)")
    }
    guard facts.st_mode & 0o020 != 0 else { return nil }
    if let writer = AccessList.writer(of: path, besides: user) {
      return Flaw(
        path: path, what: "can be written by \(writer) by its access list", remedy: "setfacl -b \(path)")
    }
    // Root's group, and the owner's own by the usual numbers.
    guard facts.st_gid == 0 || facts.st_gid == facts.st_uid else {
      return Flaw(
        path: path, what: "can be written by the group \(facts.st_gid)", remedy: "chmod g-w \(path)")
    }
    return nil
  }
}

/// acl(5), as the kernel gives it: a version, then tag, permissions and id of each entry, in little-endian numbers
/// (linux/posix_acl_xattr.h).
private enum AccessList {
  private static let (namedUser, namedGroup): (UInt16, UInt16) = (0x02, 0x08)

  /// Somebody else whom the list lets write.
  static func writer(of path: String, besides user: uid_t) -> String? {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = lgetxattr(path, "system.posix_acl_access", &bytes, bytes.count)
    // A list that is longer than this names somebody.
    guard count >= 0 else { return errno == ERANGE ? "somebody" : nil }
    func number(_ start: Int, _ size: Int) -> UInt32 {
      (0..<size).reduce(0) { $0 | UInt32(bytes[start + $1]) << (8 * UInt32($1)) }
    }
    for start in stride(from: 4, to: count - 7, by: 8) {
      let (tag, permissions, id) = (UInt16(number(start, 2)), number(start + 2, 2), number(start + 4, 4))
      guard permissions & 0o2 != 0, id != 0 else { continue }
      if tag == namedUser, id != user { return "uid \(id)" }
      if tag == namedGroup { return "the group \(id)" }
    }
    return nil
  }
}
