import CSSH2
import FoundationEssentials

/// What one side of a handshake can do: the lists of its KEXINIT, which it sends in the clear (RFC 4253 §7.1).
struct AlgorithmOffer {
  enum Kind: Int, CaseIterable {
    case keyExchange, hostKey, cipherToServer, cipherToClient, macToServer, macToClient

    var words: String {
      switch self {
      case .keyExchange: "key exchange"
      case .hostKey: "host key type"
      case .cipherToServer, .cipherToClient: "cipher"
      case .macToServer, .macToClient: "MAC"
      }
    }

    /// libssh2_session_supported_algs(3)
    fileprivate var method: Int32 {
      switch self {
      case .keyExchange: LIBSSH2_METHOD_KEX
      case .hostKey: LIBSSH2_METHOD_HOSTKEY
      case .cipherToServer: LIBSSH2_METHOD_CRYPT_CS
      case .cipherToClient: LIBSSH2_METHOD_CRYPT_SC
      case .macToServer: LIBSSH2_METHOD_MAC_CS
      case .macToClient: LIBSSH2_METHOD_MAC_SC
      }
    }
  }

  private var lists: [Kind: [String]] = [:]

  /// From the first packet of a server, behind its version line; `nil` when it is none.
  init?(serverSays bytes: [UInt8]) {
    guard let line = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    let packet = bytes[(line + 1)...]
    // RFC 4253 §6: a length in four bytes, the padding's in one, and the payload: SSH_MSG_KEXINIT (20) and a cookie of 16.
    guard packet.count > 22, packet[packet.startIndex + 5] == 20 else { return nil }
    var rest = packet.dropFirst(22)
    for kind in Kind.allCases {
      guard let list = PrivateKeyFile.takeString(&rest) else { return nil }
      lists[kind] = String(decoding: list, as: UTF8.self).split(separator: ",").map(String.init)
    }
  }

  /// Of libssh2, as it is built here, with the host key types that are asked for.
  init(of session: borrowing SessionHandle, hostKeys: [String]) {
    for kind in Kind.allCases {
      var names: UnsafeMutablePointer<UnsafePointer<CChar>?>?
      let count = libssh2_session_supported_algs(session.pointer, kind.method, &names)
      guard count > 0, let names else { continue }
      lists[kind] = (0..<Int(count)).compactMap { names[$0].map { String(cString: $0) } }
      libssh2_free(session.pointer, names)
    }
    lists[.hostKey] = ServerKey.preferences(for: hostKeys).split(separator: ",").map(String.init)
  }

  var hostKeys: [String] { lists[.hostKey] ?? [] }

  /// The first thing in which two sides have nothing in common, with both lists; `nil` where they have all.
  func conflict(with server: AlgorithmOffer) -> (kind: Kind, words: String)? {
    for kind in Kind.allCases {
      guard let own = lists[kind], let theirs = server.lists[kind] else { continue }
      if Set(own).isDisjoint(with: theirs) {
        return (
          kind,
          "no common \(kind.words): it offers \(theirs.joined(separator: ", ")); here is \(own.joined(separator: ", "))"
        )
      }
    }
    return nil
  }
}
