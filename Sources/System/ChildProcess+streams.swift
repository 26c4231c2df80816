import FoundationEssentials
import Glibc

/// pipe(2), whose ends no other child inherits.
struct Pipe {
  let reader: Int32
  let writer: Int32

  init() throws {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0, ends.allSatisfy({ fcntl($0, F_SETFD, FD_CLOEXEC) == 0 }) else {
      throw ChildProcess.NotStarted(
        description: "no more files can be opened: \(String(cString: strerror(errno)).lowercased())")
    }
    (reader, writer) = (ends[0], ends[1])
  }
}

/// What a program says, up to a limit; the rest is read and dropped.
struct Stream {
  private let descriptor: Int32
  private var isAtEnd = false
  private var bytes: [UInt8] = []
  private static let limit = 64 << 10

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
  }

  /// Takes what is there and does not wait: a background child may hold the other end open.
  mutating func take() {
    var chunk = [UInt8](repeating: 0, count: 16 << 10)
    for _ in 0..<64 {
      let count = read(descriptor, &chunk, chunk.count)
      if count == 0 { isAtEnd = true }
      guard count > 0 else { return }
      bytes += chunk.prefix(min(count, Self.limit - bytes.count))
    }
  }

  /// poll(2) passes over -1; the end of a stream would wake it at once, again and again.
  var awaited: Int32 { isAtEnd ? -1 : descriptor }

  var text: String { String(decoding: bytes, as: UTF8.self) }
}
