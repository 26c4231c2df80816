import Fleet
package import FoundationEssentials
import Glibc
import System

/// The right to act on the fleet, held by one controller at a time.
///
/// It is a lock on a file (flock(2)), which the kernel takes back when the holder ends in whatever way; what the
/// file says is only for the one who is refused.
package final class ControllerLease: Sendable {
  private let descriptor: Int32

  package init(home: StateDirectory, now: Date) throws {
    let path = home.leasePath
    let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
    guard opened >= 0 else {
      throw StateDirectory.Unsafe(
        path: path, what: "cannot be opened (\(String(cString: strerror(errno)).lowercased()))",
        remedy: "check its owner and mode")
    }
    var facts = stat()
    guard fstat(opened, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_nlink == 1 else {
      close(opened)
      throw StateDirectory.Unsafe(path: path, what: "is not a file of its own", remedy: "remove it")
    }
    guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
      close(opened)
      let said = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
      throw Held(by: said.trimmed)
    }
    descriptor = opened
    let holder = Array("\(Self.holder) since \(now.ISO8601Format())\n".utf8)
    ftruncate(opened, 0)
    _ = write(opened, holder, holder.count)
  }

  deinit {
    // A child that is just being started has the descriptor, too, until it is another program.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  /// Who has it, where that is another process. The kernel's list of locks is read (proc(5)): to try the lock would keep a controller from it
  /// that begins at that moment.
  package static func otherHolder(home: StateDirectory) -> String? {
    var facts = stat()
    guard stat(home.leasePath, &facts) == 0, let locks = FileManager.default.contents(atPath: "/proc/locks"),
      String(decoding: locks, as: UTF8.self).split(separator: "\n").contains(where: {
        $0.contains(" FLOCK ") && $0.contains(":\(facts.st_ino) ")
      })
    else { return nil }
    let said = FileManager.default.contents(atPath: home.leasePath).map {
      String(decoding: $0, as: UTF8.self)
    }
    let name = (said ?? "").trimmed
    guard !name.isEmpty else { return "another process" }
    return name.hasPrefix(holder + " ") ? nil : name
  }

  /// Who this process is, to another controller's operator.
  package static var holder: String {
    "process \(getpid()) of \(SystemUser.name) on \(ProcessInfo.processInfo.hostName)"
  }

  package struct Held: Error, CustomStringConvertible {
    package let by: String
    package init(by: String) { self.by = by }
    package var description: String {
      "another certfleet is at work: \(by.isEmpty ? "a process that did not say who it is" : by); try again when it has ended"
    }
  }
}
