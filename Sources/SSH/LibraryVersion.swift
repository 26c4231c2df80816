import CSSH2

/// The libssh2 that this program runs with, as in `1.10.0` (libssh2_version(3)).
public enum LibSSH2 {
  public static var version: String { libssh2_version(0).map { String(cString: $0) } ?? "" }
}
