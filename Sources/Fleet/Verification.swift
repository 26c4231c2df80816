/// How it is seen that a host serves a certificate.
package struct Verification: Hashable, Sendable {
  package var question: Question
  /// Who asks.
  package var place: Hook.Place

  package enum Question: Hashable, Sendable {
    case tls(TLSQuestion)
    /// A command that succeeds when all is well; `RENEWED_LINEAGE` is the certificate's folder.
    case command(String, timeout: Duration)
  }

  package init(_ question: Question, from place: Hook.Place = .controller) {
    self.question = question
    self.place = place
  }

  /// Whether the controller asks a service for its certificate.
  package var isOfEndpoint: Bool {
    if case .tls = question { place == .controller } else { false }
  }

  /// TLS at the host's own address.
  package init(port: UInt16, serverName: String) {
    self.init(.tls(TLSQuestion(port: port, serverName: serverName)))
  }

  package static let standardTimeout = Duration.seconds(30)
}

/// A service that shows its certificate.
package struct TLSQuestion: Hashable, Sendable {
  package var port: UInt16
  /// Where it listens; `nil` is the host's address, or `localhost` where the host itself asks.
  package var address: String?
  /// The name to ask for (SNI, RFC 6066 §3).
  package var serverName: String
  package var startTLS: StartTLS?

  package init(port: UInt16, address: String? = nil, serverName: String, startTLS: StartTLS? = nil) {
    self.port = port
    self.address = address
    self.serverName = serverName
    self.startTLS = startTLS
  }
}

/// Protocols that begin in the clear and go over to TLS, by the names that `openssl s_client -starttls` has for them.
package enum StartTLS: String, Hashable, Sendable, Codable, CaseIterable {
  case smtp, imap, pop3, sieve, nntp, ftp, ldap, xmpp, postgres, mysql
}

extension Verification: Codable {
  private enum Key: String, CodingKey {
    case port, address, starttls, run
    case serverName = "server_name"
    case seconds = "timeout_seconds"
    case place = "from"
  }

  package init(from decoder: any Decoder) throws {
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

  package func encode(to encoder: any Encoder) throws {
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
  package var words: String {
    switch question {
    case .command(let command, _): return command
    case .tls(let tls):
      let address = tls.address ?? (place == .host ? "localhost" : "")
      let shown = address.contains(":") ? "[\(address)]" : address
      return "\(tls.startTLS?.rawValue ?? "tls")://\(shown):\(tls.port) (\(tls.serverName))"
    }
  }
}
