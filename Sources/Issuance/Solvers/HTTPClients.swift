import FoundationEssentials
import Glibc

/// Who is connected to the http-01 listener. Room is shared by source address: whoever has the most connections gives up the
/// oldest of them when there are too many, so that nobody keeps the CA out by opening connections and saying nothing.
struct HTTPClients {
  private struct Connection {
    let descriptor: Int32
    let source: String
  }

  /// The oldest first.
  private var open: [Connection] = []
  private var count: [String: Int] = [:]

  /// A CA asks from a handful of places for each name, and a hundred orders may be looked at together.
  private static let most = 512

  mutating func admit(_ descriptor: Int32, from source: String) {
    if open.count >= Self.most { dropOne() }
    open.append(Connection(descriptor: descriptor, source: source))
    count[source, default: 0] += 1
  }

  /// Its reader sees an end, and closes it.
  mutating func dropOne() {
    guard let greedy = count.max(by: { $0.value < $1.value })?.key,
      let oldest = open.first(where: { $0.source == greedy })
    else { return }
    shutdown(oldest.descriptor, Int32(SHUT_RDWR))
    forget(oldest.descriptor)
  }

  mutating func forget(_ descriptor: Int32) {
    guard let index = open.firstIndex(where: { $0.descriptor == descriptor }) else { return }
    let source = open.remove(at: index).source
    count[source, default: 1] -= 1
    if count[source] == 0 { count[source] = nil }
  }

  /// A connection, and whose it is: an IPv4 address, or the network of an IPv6 one, as one machine has all of a /64.
  static func accept(from listener: Int32) -> (descriptor: Int32, source: String) {
    var address = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let descriptor = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.accept(listener, $0, &size) }
    }
    guard descriptor >= 0 else { return (descriptor, "") }
    let isIPv6 = address.ss_family == sa_family_t(AF_INET6)
    return withUnsafeBytes(of: &address) { bytes in
      if isIPv6 {
        let octets = bytes[8..<24]
        // RFC 4291 §2.5.5.2: an IPv4 address, as IPv6 sockets show it.
        let isMapped =
          octets.prefix(10).allSatisfy { $0 == 0 } && octets.dropFirst(10).prefix(2).allSatisfy { $0 == 255 }
        return (descriptor, "\(Array(isMapped ? octets.suffix(4) : octets.prefix(8)))")
      }
      return (descriptor, "\(Array(bytes[4..<8]))")
    }
  }
}
