import FoundationEssentials
import Glibc

/// Where a server listens.
package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
  package let address: String
  package let port: UInt16

  package init(address: String, port: UInt16) {
    self.address = address
    self.port = port
  }

  package var description: String { address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)" }

  /// A resolved socket address, ready for connect(2).
  struct Resolved: Sendable {
    let family: Int32
    let bytes: [UInt8]
  }

  /// Asks the system's resolver, which blocks, on a thread of its own; an address in figures needs nobody to be asked.
  func resolve(
    on loop: EventLoop, until deadline: ContinuousClock.Instant, isolation: isolated (any Actor)? = #isolation
  ) async throws(SSHFailure) -> [Resolved] {
    if case .success(let inFigures) = lookUp(AI_NUMERICHOST) { return inFigures }
    guard let found = try await loop.aside(until: deadline, { lookUp() }) else {
      throw .unreachable("\(address) cannot be resolved: the resolver does not answer in time")
    }
    return try found.get()
  }

  private func lookUp(_ flags: Int32 = 0) -> Result<[Resolved], SSHFailure> {
    var hints = addrinfo()
    hints.ai_flags = flags
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(address, String(port), &hints, &found)
    guard status == 0, let first = found else {
      return .failure(.unreachable("\(address) cannot be resolved: \(String(cString: gai_strerror(status)))"))
    }
    defer { freeaddrinfo(found) }
    return .success(
      sequence(first: first, next: { $0.pointee.ai_next }).map { info in
        Resolved(
          family: info.pointee.ai_family,
          bytes: Array(
            UnsafeRawBufferPointer(start: info.pointee.ai_addr, count: Int(info.pointee.ai_addrlen))))
      })
  }
}
