import COpenSSL
package import Fleet
import FoundationEssentials
import Glibc
import System

/// Asks a server which certificate it serves.
///
/// Nothing is trusted here: the handshake is only taken as far as the server's certificate, whose fingerprint the
/// caller compares.
package enum ServedCertificate {
  /// Why there was no answer: what was tried and what went wrong.
  package struct NoAnswer: Error, Hashable, CustomStringConvertible {
    package let reason: String
    /// Whether it was this machine that could not ask.
    package var isOurs = false
    package var description: String { reason }
  }

  /// - Parameters:
  ///   - serverName: sent as SNI (RFC 6066 §3).
  ///   - startTLS: the protocol that is spoken first; `nil` begins with TLS.
  ///   - algorithm: the kind of key that the certificate is to have, where a server has one of each; `nil` is what it shows by itself.
  ///   - timeout: for each of name resolution's answers to connect, and for the handshake.
  package static func leaf(
    at address: String, port: UInt16, serverName: String, startTLS: StartTLS? = nil,
    algorithm: ServedLeaf.KeyAlgorithm? = nil, timeout: Duration
  ) async throws -> ServedLeaf {
    try await BlockingCall.run {
      try ask(
        address: address, port: port, serverName: serverName, startTLS: startTLS, algorithm: algorithm,
        timeout: timeout)
    }
  }

  private static func ask(
    address: String, port: UInt16, serverName: String, startTLS: StartTLS?,
    algorithm: ServedLeaf.KeyAlgorithm?,
    timeout: Duration
  ) throws -> ServedLeaf {
    let socket = try BlockingSocket(connectingTo: address, port: port, timeout: timeout)
    if let startTLS {
      var clear = STARTTLS(socket.descriptor, until: .now + timeout)
      do {
        try clear.begin(startTLS, serverName: serverName)
      } catch { throw NoAnswer(reason: "\(startTLS.rawValue) at \(address):\(port): \(error)") }
    }
    let session = try unwrap(try ClientContext.shared.get().session(), "SSL_new")
    defer { SSL_free(session) }
    // RFC 6066 §3: "Literal IPv4 and IPv6 addresses are not permitted" as a server name.
    guard serverName.isIPAddress || certfleet_set_server_name(session, serverName) == 1 else {
      throw OpenSSLError("SSL_set_tlsext_host_name")
    }
    if let algorithm, certfleet_set_signature_algorithms(session, algorithm.signatureAlgorithms) != 1 {
      throw OpenSSLError("SSL_set1_sigalgs_list")
    }
    try check(SSL_set_fd(session, socket.descriptor), "SSL_set_fd")
    guard handshake(session, on: socket.descriptor, until: .now + timeout) else {
      throw NoAnswer(reason: "no TLS at \(address):\(port) (\(OpenSSLError("SSL_connect").reason))")
    }
    guard let peer = SSL_get1_peer_certificate(session) else {
      throw NoAnswer(reason: "no certificate from \(address):\(port)")
    }
    let served = X509Certificate(owning: peer)
    SSL_shutdown(session)
    return ServedLeaf(
      try served.fingerprint(),
      name: served.subjectName.isEmpty ? served.names.first ?? "" : served.subjectName,
      notAfter: try? served.notAfter(), keyAlgorithm: served.key?.servedAs)
  }

  /// SSL_connect(3) on a non-blocking socket, so that a server that drips its answer has no longer than others.
  private static func handshake(
    _ session: OpaquePointer, on descriptor: Int32, until deadline: ContinuousClock.Instant
  ) -> Bool {
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    while true {
      let result = SSL_connect(session)
      if result == 1 { return true }
      let wanted = SSL_get_error(session, result)
      guard wanted == SSL_ERROR_WANT_READ || wanted == SSL_ERROR_WANT_WRITE else { return false }
      let left = (deadline - .now).seconds
      var waiting = pollfd(
        fd: descriptor, events: Int16(wanted == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT), revents: 0)
      guard left > 0, poll(&waiting, 1, Int32(left * 1000) + 1) > 0 else { return false }
    }
  }
}

/// What all handshakes share: to make it takes as long as half a handshake, and threads may use one together (openssl-threads(7)).
private final class ClientContext: @unchecked Sendable {
  static let shared = Result { try ClientContext() }

  private let pointer: OpaquePointer

  private init() throws { pointer = try unwrap(SSL_CTX_new(TLS_client_method()), "SSL_CTX_new") }

  func session() -> OpaquePointer? { SSL_new(pointer) }
}

extension PublicKeyKind {
  fileprivate var servedAs: ServedLeaf.KeyAlgorithm? {
    switch type {
    case .ecdsaP256, .ecdsaP384: .ecdsa
    default: isRSA ? .rsa : nil
    }
  }
}

extension ServedLeaf.KeyAlgorithm {
  /// What a client offers that takes no other (RFC 8446, 4.2.3), as OpenSSL writes it.
  fileprivate var signatureAlgorithms: String {
    switch self {
    case .rsa: "RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512"
    case .ecdsa: "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512"
    }
  }
}
