import Foundation

/// A port whose every connection stays unanswered: its queue is full, and Linux drops what comes beyond it (listen(2)).
package final class SwallowingPort {
  private var descriptors: [Int32] = []

  package init(at address: String) throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var own = sockaddr_in()
    own.sin_family = sa_family_t(AF_INET)
    own.sin_port = UInt16(2222).bigEndian
    inet_pton(AF_INET, address, &own.sin_addr)
    let isListening = withUnsafePointer(to: &own) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 && listen(listener, 0) == 0
      }
    }
    guard isListening else { throw Program.Failed("nothing can listen at \(address)") }
    descriptors.append(listener)
    for _ in 0..<4 {
      let filler = socket(
        AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0
      )
      _ = withUnsafePointer(to: &own) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(filler, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      descriptors.append(filler)
    }
  }

  package func close() {
    for descriptor in descriptors { Foundation.close(descriptor) }
    descriptors = []
  }
}
