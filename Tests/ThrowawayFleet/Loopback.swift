import Foundation
import Synchronization

/// A /24 of the loopback network, whose addresses play the machines of a fleet.
package struct Loopback: Sendable, Hashable {
  package let prefix: String

  /// The network of the demo, as `inventory/demo` has it.
  package static let demo = Loopback(prefix: "127.83.0")

  /// One that no other fleet of this process has had, and none of another process is likely to have at the same time.
  package static func random() -> Loopback {
    let number = next.wrappingAdd(1, ordering: .relaxed).oldValue % count
    return Loopback(prefix: "127.\(100 + number / 256).\(number % 256)")
  }

  private static let count = 151 * 256
  /// By turns and not by chance: of the hundred and fifty of a test run two would be the same one run in four.
  private static let next = Atomic(Int.random(in: 0..<count))

  package func address(_ last: Int) -> String { "\(prefix).\(last)" }
  /// Where certfleet's own http-01 listener waits, and where every name resolves to.
  package var controller: String { address(1) }
  package var authority: String { address(2) }
  /// Where faults are made for the authority.
  package var proxy: String { address(3) }
  package var nameServer: String { address(4) }
  package func host(_ number: Int) -> String { address(10 + number) }

  /// Whether something accepts connections there.
  package static func answers(_ address: String, _ port: UInt16) -> Bool {
    let descriptor = connect(address, port)
    defer { close(descriptor) }
    return descriptor >= 0
  }

  /// A connection, or -1.
  package static func connect(_ address: String, _ port: UInt16) -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    let isConnected = withAddress(address, port) { Foundation.connect(descriptor, $0, $1) == 0 }
    guard !isConnected else { return descriptor }
    close(descriptor)
    return -1
  }

  /// A socket that takes connections.
  package static func listen(_ address: String, _ port: UInt16) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    let isBound = withAddress(address, port) { bind(descriptor, $0, $1) == 0 }
    guard isBound, Foundation.listen(descriptor, 128) == 0 else {
      throw Program.Failed("nobody can listen on \(address):\(port)")
    }
    return descriptor
  }

  private static func withAddress<Result>(
    _ address: String, _ port: UInt16, _ use: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    var target = sockaddr_in()
    target.sin_family = sa_family_t(AF_INET)
    target.sin_port = port.bigEndian
    inet_pton(AF_INET, address, &target.sin_addr)
    return withUnsafePointer(to: &target) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        use($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
