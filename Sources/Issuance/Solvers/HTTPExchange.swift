import FoundationEssentials
import Glibc

/// The little of HTTP/1.1 that a validation request needs: one GET, one answer, then the connection closes.
enum HTTPExchange {
  private static let largestHead = 8 << 10
  private static let patience = timeval(tv_sec: 5, tv_usec: 0)

  /// The path of the GET request on `connection`; `nil` for anything else, or when it takes too long.
  static func readPath(from connection: Int32) -> String? {
    var limit = patience
    let size = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
    var head: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 2048)
    let deadline = ContinuousClock.now + .seconds(10)
    while !head.contains(Array("\r\n\r\n".utf8)) {
      // The limit above is for each piece; a client that drips must not hold its place for ever.
      guard ContinuousClock.now < deadline else { return nil }
      let count = recv(connection, &chunk, chunk.count, 0)
      guard count > 0, head.count + count <= largestHead else { return nil }
      head += chunk.prefix(count)
    }
    let line = String(decoding: head.prefix { $0 != 13 }, as: UTF8.self).split(separator: " ")
    return line.count == 3 && line[0] == "GET" ? String(line[1]) : nil
  }

  /// Sends `text`, or 404 where there is none.
  static func reply(_ text: String?, on connection: Int32) {
    let body = text ?? "not found\n"
    let reply = """
      HTTP/1.1 \(text == nil ? "404 Not Found" : "200 OK")\r
      Content-Type: \(text == nil ? "text/plain" : "application/octet-stream")\r
      Content-Length: \(body.utf8.count)\r
      Connection: close\r
      \r
      \(body)
      """
    let bytes = Array(reply.utf8)
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
  }
}
