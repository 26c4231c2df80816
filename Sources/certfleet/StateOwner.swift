import CSystem
import FoundationEssentials
import Glibc
import Storage
import System

/// Root who uses the state of another user becomes that user, as by `sudo -u`: what the timer's service and root do by hand belongs to
/// one user, who is not root.
enum StateOwner {
  /// While there is one thread.
  ///
  /// - Returns: the user's name, where root became one.
  /// - Throws: `Refused` when the system does not let it.
  static func become(of path: String) throws -> String? {
    var facts = stat()
    makeFolder(path)
    SealingCredential.decrypt(for: path)
    guard geteuid() == 0, lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR, facts.st_uid != 0,
      let user = getpwuid(facts.st_uid)
    else { return nil }
    let (name, home) = (String(cString: user.pointee.pw_name), String(cString: user.pointee.pw_dir))
    let gid = user.pointee.pw_gid
    let code = certfleet_become(name, facts.st_uid, gid)
    guard code == 0 else {
      throw Refused(
        description: "cannot become \(name), who owns \(path): \(String(cString: strerror(code)))")
    }
    // As sudo(8) sets them.
    setenv("SUDO_USER", "root", 0)
    for (variable, value) in [("HOME", home), ("USER", name), ("LOGNAME", name), ("CERTFLEET_HOME", path)] {
      setenv(variable, value, 1)
    }
    return name
  }

  /// Where the user is there whose the state is to be, and no folder yet, a state of root's own would be one that the service cannot use.
  private static func makeFolder(_ path: String) {
    guard geteuid() == 0, path == StateDirectory.systemPath, access(path, F_OK) != 0,
      let user = getpwnam("certfleet"), String(cString: user.pointee.pw_dir) == path
    else { return }
    let (uid, gid) = (user.pointee.pw_uid, user.pointee.pw_gid)
    if mkdir(path, 0o700) == 0 { chown(path, uid, gid) }
  }

  struct Refused: Error, CustomStringConvertible { let description: String }

  /// What a person may not think of, where a file could not be used.
  static func hint(_ name: String, after lines: [String]) -> String? {
    guard
      lines.contains(where: { $0.lowercased().contains("permission denied") || $0.contains("cannot be read") }
      )
    else { return nil }
    return
      "certfleet: this runs as \(name), who owns the state; name a place that \(name) may use, such as /etc/certfleet"
  }
}
