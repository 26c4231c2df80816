package import Fleet
import FoundationEssentials
import Glibc

enum ListeningSocket {
  /// `::` takes IPv4 connections as well (ipv6(7)), and where the machine has no IPv6 it is `0.0.0.0`.
  ///
  /// - Parameter isShared: with other controllers on this machine, whichever of them is asked (SO_REUSEPORT, socket(7)).
  /// - Throws: `CannotListen`, with what to do.
  static func open(_ address: ListenAddress, isShared: Bool = false) throws(CannotListen) -> Int32 {
    do {
      return try bound(address, isShared)
    } catch  where address.address == "::" && [EAFNOSUPPORT, EADDRNOTAVAIL].contains(error.code) {
      return try bound(ListenAddress(address: "0.0.0.0", port: address.port), isShared)
    }
  }

  private static func bound(
    _ address: ListenAddress, _ isShared: Bool
  ) throws(CannotListen) -> Int32 {
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
    set(SO_REUSEADDR, SOL_SOCKET, 1, on: descriptor)
    if isShared { set(SO_REUSEPORT, SOL_SOCKET, 1, on: descriptor) }
    if info.pointee.ai_family == AF_INET6 { set(IPV6_V6ONLY, Int32(IPPROTO_IPV6), 0, on: descriptor) }
    guard bind(descriptor, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0,
      Glibc.listen(descriptor, 1024) == 0
    else {
      let code = errno
      close(descriptor)
      throw CannotListen(address: address, code: code)
    }
    return descriptor
  }

  private static func set(_ option: Int32, _ level: Int32, _ value: Int32, on descriptor: Int32) {
    var value = value
    setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
  }
}

/// The http-01 listener could not be started.
package struct CannotListen: Error, Hashable, CustomStringConvertible {
  package let address: ListenAddress
  package let code: Int32

  package var description: String {
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
