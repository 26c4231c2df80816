import COpenSSL

package enum OpenSSL {
  /// Of the library that this program runs with, as in `OpenSSL 3.0.15 3 Sep 2024` (OpenSSL_version(3)).
  package static var version: String { OpenSSL_version(0).map { String(cString: $0) } ?? "" }
}
