import CSSH2

/// The libssh2 that this program runs with, as in `1.10.0` (libssh2_version(3)).
package enum LibSSH2 {
  package static var version: String { libssh2_version(0).map { String(cString: $0) } ?? "" }
}
