import CSSH2
import FoundationEssentials
import Glibc
import Synchronization

/// Logging in with a key that an SSH agent holds.
///
/// The agent may wait for a touch, or be on a laptop that sleeps, and libssh2 waits with it without a limit: so it is spoken to
/// aside, while nobody else uses the session. Where it does not answer in time, the session is that other thread's for good.
extension SSHConnection {
  func authenticate(
    _ user: String, agentKey blob: [UInt8]?, until deadline: ContinuousClock.Instant
  ) async throws(SSHFailure) {
    // One that has not answered once holds a thread and a descriptor until it does; it is not asked again.
    let agentSocket = getenv("SSH_AUTH_SOCK").map { String(cString: $0) } ?? ""
    guard !Self.silentAgents.withLock({ $0.contains(agentSocket) }) else { throw Self.noAgent }
    guard let made = libssh2_agent_init(session.pointer) else {
      throw .authentication("libssh2's agent support could not be initialised")
    }
    nonisolated(unsafe) let agent = made
    defer {
      if session.isOpen {
        libssh2_agent_disconnect(agent)
        libssh2_agent_free(agent)
      }
    }
    let listed = try await asking(until: deadline) {
      libssh2_agent_connect(agent) == 0 ? libssh2_agent_list_identities(agent) : -1
    }
    guard listed == 0 else { throw Self.noAgent }
    guard let identity = Self.identity(in: agent, blob) else {
      throw blob == nil
        ? .unsupported("the SSH agent holds no ed25519 or ecdsa key; add one with ssh-add, or set identity")
        : .authentication("the SSH agent does not hold the identity; add it with ssh-add")
    }
    nonisolated(unsafe) let key = identity
    var status = LIBSSH2_ERROR_EAGAIN
    while true {
      status = try await asking(until: deadline) { libssh2_agent_userauth(agent, user, key) }
      guard status == LIBSSH2_ERROR_EAGAIN else { break }
      try await waitForSocket("the login", until: deadline)
    }
    guard status == 0 else {
      let held = Array(UnsafeBufferPointer(start: key.pointee.blob, count: key.pointee.blob_len))
      throw loginFailure(
        Int(status), user: user, key: key.pointee.comment.map { String(cString: $0) } ?? "the agent's key",
        isRSA: ServerKey.type(of: held) == "ssh-rsa")
    }
  }

  /// The sockets of those that have not answered.
  private static let silentAgents = Mutex<Set<String>>([])

  private static let noAgent = SSHFailure.authentication(
    "the SSH agent does not answer; check SSH_AUTH_SOCK, or set identity to a key file")

  private func asking(
    until deadline: ContinuousClock.Instant, _ question: @escaping @Sendable () -> Int32
  ) async throws(SSHFailure) -> Int32 {
    guard let status = try await loop.aside(until: deadline, question) else {
      session.abandon()
      _ = Self.silentAgents.withLock { $0.insert(getenv("SSH_AUTH_SOCK").map { String(cString: $0) } ?? "") }
      throw Self.noAgent
    }
    return status
  }

  /// The one that is wanted, or the first that can be used.
  private static func identity(
    in agent: OpaquePointer, _ blob: [UInt8]?
  ) -> UnsafeMutablePointer<libssh2_agent_publickey>? {
    var next: UnsafeMutablePointer<libssh2_agent_publickey>?
    while libssh2_agent_get_identity(agent, &next, next) == 0, let identity = next {
      let held = Array(UnsafeBufferPointer(start: identity.pointee.blob, count: identity.pointee.blob_len))
      if blob.map({ $0 == held }) ?? isUsable(held) { return identity }
    }
    return nil
  }

  /// libssh2 1.10 signs with SHA-1 for RSA keys, which servers refuse today.
  private static func isUsable(_ blob: [UInt8]) -> Bool {
    guard let type = ServerKey.type(of: blob) else { return false }
    return type == "ssh-ed25519" || type.hasPrefix("ecdsa-sha2-")
  }
}
