import Foundation

/// RFC 8555 §7.1.1: where a server's resources are.
struct Directory: Decodable {
  let newNonce: URL
  let newAccount: URL
  let newOrder: URL
}
