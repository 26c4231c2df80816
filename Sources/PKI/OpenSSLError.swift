import COpenSSL

/// An OpenSSL call that failed: which one, and what the library's error queue says.
package struct OpenSSLError: Error, Hashable, CustomStringConvertible {
  package let call: String
  package let reason: String

  /// Takes the oldest entry of this thread's error queue and empties it.
  init(_ call: String) {
    self.call = call
    let code = ERR_get_error()
    self.reason = ERR_reason_error_string(code).map { String(cString: $0) } ?? "no reason given"
    ERR_clear_error()
  }

  init(call: String, reason: String) {
    self.call = call
    self.reason = reason
  }

  package var description: String { "\(call): \(reason)" }
}

/// The value of an OpenSSL call that answers `NULL` on failure.
func unwrap<Value>(_ value: Value?, _ call: String) throws(OpenSSLError) -> Value {
  guard let value else { throw OpenSSLError(call) }
  return value
}

/// For OpenSSL calls that answer 1 on success.
func check(_ result: Int32, _ call: String) throws(OpenSSLError) {
  guard result == 1 else { throw OpenSSLError(call) }
}

/// A memory BIO with one owner.
struct MemoryBIO: ~Copyable {
  let pointer: OpaquePointer

  init() throws(OpenSSLError) { pointer = try unwrap(BIO_new(BIO_s_mem()), "BIO_new") }

  /// A reader over `bytes`, which it copies.
  init(_ bytes: some Sequence<UInt8>) throws(OpenSSLError) {
    let made = try unwrap(BIO_new(BIO_s_mem()), "BIO_new")
    let copy = Array(bytes)
    guard copy.isEmpty || BIO_write(made, copy, Int32(copy.count)) == Int32(copy.count) else {
      BIO_free(made)
      throw OpenSSLError("BIO_write")
    }
    pointer = made
  }

  deinit { BIO_free(pointer) }

  var bytes: [UInt8] {
    var start: UnsafeMutablePointer<CChar>?
    let count = certfleet_bio_bytes(pointer, &start)
    guard let start, count > 0 else { return [] }
    return start.withMemoryRebound(to: UInt8.self, capacity: count) {
      Array(UnsafeBufferPointer(start: $0, count: count))
    }
  }

  var text: String { String(decoding: bytes, as: UTF8.self) }
}
