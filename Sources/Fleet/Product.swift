/// What this is, as CAs and people are told.
package enum Product {
  package static let version = "0.1.0"
  /// When the version was last told of in the list of changes.
  package static let date = "2026-11-29"
}
