import CSSH2
import FoundationEssentials
import System

/// What to log in with: exactly one key, because servers count refused ones.
package enum Credential: Hashable, Sendable {
  /// - Parameter passphrase: a file whose first line opens the key.
  case file(path: String, passphrase: String? = nil)
  /// A key that the SSH agent holds; `nil` takes its first of a kind that modern servers accept.
  case agent(blob: [UInt8]?)

  /// As ssh chooses: a named identity, which the agent may hold unlocked; else the agent's first key, else the
  /// user's default key.
  ///
  /// - Throws: `authentication`, when there is none.
  package static func choose(
    identity: String?, passphraseFile: String? = nil, environment: [String: String]
  ) throws(SSHFailure) -> Credential {
    let hasAgent = environment["SSH_AUTH_SOCK"].map { !$0.isEmpty } ?? false
    let home = SystemUser.home(environment)
    if let identity {
      let path = identity.hasPrefix("~/") ? home + identity.dropFirst() : identity
      return try chooseFile(path, passphraseFile, hasAgent: hasAgent)
    }
    if hasAgent { return .agent(blob: nil) }
    guard let path = standardIdentity(environment) else {
      throw .authentication(
        "there is no SSH key: no agent, and no \(home)/.ssh/id_ed25519; make one with ssh-keygen, or set identity"
      )
    }
    return try chooseFile(path, nil, hasAgent: false)
  }

  /// The public half of an identity file: from the file itself, or from the `.pub` beside it.
  ///
  /// - Returns: its algorithm and its wire format (RFC 4253 §6.6); `nil` when neither can be read.
  package static func publicKey(identity: String, environment: [String: String]) -> (
    type: String, blob: [UInt8]
  )? {
    let home = SystemUser.home(environment)
    let path = identity.hasPrefix("~/") ? home + identity.dropFirst() : identity
    func text(_ path: String) -> String? {
      FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }
    let beside = text(path + ".pub")?.split(separator: " ").dropFirst().first.flatMap {
      Data(base64Encoded: String($0)).map { Array($0) }
    }
    guard let blob = text(path).flatMap({ PrivateKeyFile($0).publicBlob }) ?? beside else { return nil }
    var rest = blob[...]
    return PrivateKeyFile.takeString(&rest).map { (String(decoding: $0, as: UTF8.self), blob) }
  }

  private static func chooseFile(_ path: String, _ passphraseFile: String?, hasAgent: Bool) throws(SSHFailure)
    -> Credential
  {
    guard let data = FileManager.default.contents(atPath: path) else {
      let why = FileManager.default.fileExists(atPath: path) ? "cannot be read" : "does not exist"
      throw .authentication("the identity \(path) \(why); check identity in the inventory")
    }
    let key = PrivateKeyFile(String(decoding: data, as: UTF8.self))
    guard key.isEncrypted else { return .file(path: path) }
    if let passphraseFile { return .file(path: path, passphrase: passphraseFile) }
    guard hasAgent, let blob = key.publicBlob else {
      throw .authentication(
        "the identity \(path) has a passphrase; load it into an agent: ssh-add \(path), or set passphrase_file"
      )
    }
    return .agent(blob: blob)
  }
}

/// What can be seen of a private key file without its passphrase.
struct PrivateKeyFile {
  let isEncrypted: Bool
  /// The public half, which OpenSSH's own format carries in the clear.
  let publicBlob: [UInt8]?

  /// PROTOCOL.key of OpenSSH: "openssh-key-v1\0", cipher name, KDF name, KDF options, number of keys, public key.
  init(_ text: String) {
    let body = text.split(separator: "\n").filter { !$0.hasPrefix("-----") }.joined()
    let magic = Array("openssh-key-v1\0".utf8)
    guard text.contains("BEGIN OPENSSH PRIVATE KEY"), let data = Data(base64Encoded: body),
      data.starts(with: magic)
    else {
      isEncrypted = text.contains("ENCRYPTED")
      publicBlob = nil
      return
    }
    var rest = Array(data)[magic.count...]
    let cipher = Self.takeString(&rest)
    _ = Self.takeString(&rest)
    _ = Self.takeString(&rest)
    rest = rest.dropFirst(4)
    isEncrypted = cipher != Array("none".utf8)
    publicBlob = Self.takeString(&rest)
  }

  /// RFC 4251 §5: a length in four bytes, then that many.
  static func takeString(_ bytes: inout ArraySlice<UInt8>) -> [UInt8]? {
    guard bytes.count >= 4 else { return nil }
    let count = bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) }
    guard bytes.count >= 4 + count else { return nil }
    defer { bytes = bytes.dropFirst(4 + count) }
    return Array(bytes.dropFirst(4).prefix(count))
  }
}
