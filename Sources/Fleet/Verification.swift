/// How it is seen that a host serves a certificate.
public struct Verification: Hashable, Sendable {
  public var question: Question
  /// Who asks.
  public var place: Hook.Place

  public enum Question: Hashable, Sendable {
    case tls(TLSQuestion)
    /// A command that succeeds when all is well; `RENEWED_LINEAGE` is the certificate's folder.
    case command(String, timeout: Duration)
  }

  public init(_ question: Question, from place: Hook.Place = .controller) {
    self.question = question
    self.place = place
  }

  /// TLS at the host's own address.
  public init(port: UInt16, serverName: String) {
    self.init(.tls(TLSQuestion(port: port, serverName: serverName)))
  }

  public static let standardTimeout = Duration.seconds(30)
}

/// A service that shows its certificate.
public struct TLSQuestion: Hashable, Sendable {
  public var port: UInt16
  /// Where it listens; `nil` is the host's address, or `localhost` where the host itself asks.
  public var address: String?
  /// The name to ask for (SNI, RFC 6066 §3).
  public var serverName: String
  public var startTLS: StartTLS?

  public init(port: UInt16, address: String? = nil, serverName: String, startTLS: StartTLS? = nil) {
    self.port = port
    self.address = address
    self.serverName = serverName
    self.startTLS = startTLS
  }
}

/// Protocols that begin in the clear and go over to TLS, by the names that `openssl s_client -starttls` has for them.
public enum StartTLS: String, Hashable, Sendable, Codable, CaseIterable {
  case smtp, imap, pop3, ldap, xmpp, postgres
}

extension Verification: Codable {
  private enum Key: String, CodingKey {
    case port, address, starttls, run
    case serverName = "server_name"
    case seconds = "timeout_seconds"
    case place = "from"
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    place = try values.decodeIfPresent(Hook.Place.self, forKey: .place) ?? .controller
    if let command = try values.decodeIfPresent(String.self, forKey: .run) {
      question = .command(command, timeout: .seconds(try values.decode(Double.self, forKey: .seconds)))
    } else {
      question = .tls(
        TLSQuestion(
          port: try values.decode(UInt16.self, forKey: .port),
          address: try values.decodeIfPresent(String.self, forKey: .address),
          serverName: try values.decode(String.self, forKey: .serverName),
          startTLS: try values.decodeIfPresent(StartTLS.self, forKey: .starttls)))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    if place != .controller { try values.encode(place, forKey: .place) }
    switch question {
    case .tls(let tls):
      try values.encode(tls.port, forKey: .port)
      try values.encode(tls.serverName, forKey: .serverName)
      try values.encodeIfPresent(tls.address, forKey: .address)
      try values.encodeIfPresent(tls.startTLS, forKey: .starttls)
    case .command(let command, let timeout):
      try values.encode(command, forKey: .run)
      try values.encode(timeout.seconds, forKey: .seconds)
    }
  }
}

extension Verification {
  /// For a person: what is asked, where, and for which name.
  public var words: String {
    switch question {
    case .command(let command, _): return command
    case .tls(let tls):
      let address = tls.address ?? (place == .host ? "localhost" : "")
      let shown = address.contains(":") ? "[\(address)]" : address
      return "\(tls.startTLS?.rawValue ?? "tls")://\(shown):\(tls.port) (\(tls.serverName))"
    }
  }
}
