import CSSH2
import FoundationEssentials

/// Logging in, with one key.
extension SSHConnection {
  package func authenticate(
    as user: String, with credential: Credential, within timeout: Duration
  ) async throws(SSHFailure) {
    try requireOpen()
    let deadline = ContinuousClock.now + timeout
    switch credential {
    case .file(let path, let passphrase):
      try await authenticate(user, file: path, passphrase: passphrase, until: deadline)
    case .agent(let blob): try await authenticate(user, agentKey: blob, until: deadline)
    }
  }

  private func authenticate(
    _ user: String, file path: String, passphrase: String?, until deadline: ContinuousClock.Instant
  ) async throws(SSHFailure) {
    let secret = try passphrase.map { (file) throws(SSHFailure) in try Self.firstLine(of: file) }
    let status = try await retrying("the login", until: deadline) {
      libssh2_userauth_publickey_fromfile_ex(
        session.pointer, user, UInt32(user.utf8.count), nil, path, secret)
    }
    guard status == 0 else {
      let isRSA = Credential.publicKey(identity: path, environment: [:])?.type == "ssh-rsa"
      throw loginFailure(status, user: user, key: path, isRSA: isRSA)
    }
  }

  private static func firstLine(of file: String) throws(SSHFailure) -> String {
    guard let text = FileManager.default.contents(atPath: file).map({ String(decoding: $0, as: UTF8.self) }),
      let line = text.split(whereSeparator: \.isNewline).first
    else { throw .authentication("the passphrase cannot be read from \(file)") }
    return String(line)
  }

  func loginFailure(_ status: Int, user: String, key: String, isRSA: Bool) -> SSHFailure {
    switch Int32(status) {
    // libssh2 says so, too, where no answer came at all.
    case LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED where session.message.hasPrefix("Waiting for"):
      .unreachable("\(endpoint) closed the connection at the login")
    case LIBSSH2_ERROR_AUTHENTICATION_FAILED, LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED:
      isRSA && Credential.signsRSAWithSHA1
        ? .unsupported(
          "\(endpoint) refused the key \(key) for user \(user): it is an RSA key, which libssh2 \(LIBSSH2_VERSION) signs with SHA-1, as sshd takes it no more: make an ed25519 key, or use libssh2 1.11"
        )
        : .authentication(
          "\(endpoint) refused the key \(key) for user \(user); add its public half to that user's authorized_keys"
        )
    case LIBSSH2_ERROR_SOCKET_DISCONNECT, LIBSSH2_ERROR_SOCKET_RECV, LIBSSH2_ERROR_SOCKET_SEND:
      .unreachable("\(endpoint) closed the connection at the login (MaxStartups or a penalty?)")
    case LIBSSH2_ERROR_FILE:
      .authentication("the key \(key) cannot be used: \(session.message); is the passphrase right?")
    default: .authentication("the login to \(endpoint) as \(user) failed: \(session.message)")
    }
  }
}
