/// What this is, as CAs and people are told.
package enum Product {
  package static let version = "0.1.0"
}
