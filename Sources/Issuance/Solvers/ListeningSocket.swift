public import Fleet
import Foundation

enum ListeningSocket {
  /// - Throws: `CannotListen`, with what to do.
  static func open(_ address: ListenAddress) throws(CannotListen) -> Int32 {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(address.address, String(address.port), &hints, &found) == 0, let info = found else {
      throw CannotListen(address: address, code: EADDRNOTAVAIL)
    }
    defer { freeaddrinfo(found) }
    let descriptor = socket(
      info.pointee.ai_family, info.pointee.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw CannotListen(address: address, code: errno) }
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    guard bind(descriptor, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0,
      Foundation.listen(descriptor, 64) == 0
    else {
      let code = errno
      close(descriptor)
      throw CannotListen(address: address, code: code)
    }
    return descriptor
  }
}

/// The http-01 listener could not be started.
public struct CannotListen: Error, Hashable, CustomStringConvertible {
  public let address: ListenAddress
  public let code: Int32

  public var description: String {
    let advice =
      switch code {
      case EACCES: "; run as root, or grant it: setcap cap_net_bind_service=+ep $(which certfleet)"
      case EADDRINUSE: "; stop what holds the port, or set another challenge.listen and forward to it"
      case EADDRNOTAVAIL: "; set challenge.listen to an address of this machine"
      default: ""
      }
    return "cannot listen on \(address) for http-01: \(String(cString: strerror(code)).lowercased())\(advice)"
  }
}
