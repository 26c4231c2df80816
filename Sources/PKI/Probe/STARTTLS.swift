import Fleet
import FoundationEssentials
import Glibc

/// What is said in the clear, up to the server's consent to TLS. Nothing that it says is trusted; it is only
/// bounded, and compared with what its protocol asks for.
struct STARTTLS {
  private let descriptor: Int32
  private let deadline: ContinuousClock.Instant
  private var budget = 64 << 10

  init(_ descriptor: Int32, until deadline: ContinuousClock.Instant) {
    self.descriptor = descriptor
    self.deadline = deadline
  }

  struct Refused: Error, CustomStringConvertible {
    let description: String
  }

  /// Goes as far as the moment in which TLS begins.
  mutating func begin(_ kind: StartTLS, serverName: String) throws {
    switch kind {
    case .smtp: try smtp()
    case .imap: try imap()
    case .pop3: try pop3()
    case .ldap: try ldap()
    case .xmpp: try xmpp(serverName)
    case .postgres: try postgres()
    case .sieve: try sieve()
    case .nntp: try nntp()
    case .ftp: try ftp()
    case .mysql: try mysql()
    }
  }

  /// RFC 3207.
  private mutating func smtp() throws {
    try expect("220", "a greeting")
    try send("EHLO certfleet.invalid\r\n")
    try expect("250", "an answer to EHLO")
    try send("STARTTLS\r\n")
    try expect("220", "consent to STARTTLS")
  }

  /// RFC 5321 §4.2.1, and RFC 959 §4.2 alike: the last line of a reply has a space behind its code.
  private mutating func expect(_ code: String, _ what: String) throws {
    var line = try line()
    if line.hasPrefix(code + "-") {
      // Of FTP a line between may be anything.
      while !line.hasPrefix(code + " ") { line = try self.line() }
    }
    guard line.hasPrefix(code) else { throw refused(what, line) }
  }

  /// RFC 9051 §6.2.1.
  private mutating func imap() throws {
    let greeting = try line()
    guard greeting.hasPrefix("* OK") else { throw refused("a greeting", greeting) }
    try send("a STARTTLS\r\n")
    var answer = try line()
    while answer.hasPrefix("* ") { answer = try line() }
    guard answer.uppercased().hasPrefix("A OK") else { throw refused("consent to STARTTLS", answer) }
  }

  /// RFC 2595 §4.
  private mutating func pop3() throws {
    let greeting = try line()
    guard greeting.hasPrefix("+OK") else { throw refused("a greeting", greeting) }
    try send("STLS\r\n")
    let answer = try line()
    guard answer.hasPrefix("+OK") else { throw refused("consent to STLS", answer) }
  }

  /// RFC 4511 §4.14: an ExtendedRequest with the name 1.3.6.1.4.1.1466.20037, and a response whose resultCode is 0.
  private mutating func ldap() throws {
    let name = Array("1.3.6.1.4.1.1466.20037".utf8)
    try send(
      [0x30, UInt8(name.count + 7), 0x02, 0x01, 0x01, 0x77, UInt8(name.count + 2), 0x80, UInt8(name.count)]
        + name)
    let head = try bytes(2)
    guard head[0] == 0x30 else { throw Refused(description: "this is not LDAP") }
    let length: Int
    if head[1] < 0x80 {
      length = Int(head[1])
    } else {
      length = try bytes(Int(head[1] & 0x7f)).prefix(3).reduce(0) { $0 << 8 | Int($1) }
    }
    let message = try bytes(min(length, 4096))
    // messageID, then [APPLICATION 24] with its length, and in it the ENUMERATED resultCode.
    let code = message.indices.first { index in
      index + 2 < message.count && message[index] == 0x0a && message[index + 1] == 0x01
    }
    guard let code, message[code + 2] == 0 else {
      throw Refused(description: "the server does not consent to StartTLS")
    }
  }

  /// RFC 6120 §5.4.
  private mutating func xmpp(_ name: String) throws {
    try send(
      "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='\(name)' version='1.0'>"
    )
    try read(untilAnyOf: ["</stream:features>", "<stream:features/>"], "its features")
    try send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    try read(untilAnyOf: ["<proceed"], "consent to starttls")
    try read(untilAnyOf: [">"], "consent to starttls")
  }

  /// PostgreSQL's documentation, Message Formats: SSLRequest, answered with one byte.
  private mutating func postgres() throws {
    try send([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])
    guard try bytes(1) == [UInt8(ascii: "S")] else {
      throw Refused(description: "the server does not consent to TLS")
    }
  }

  /// RFC 5804 §2.2: the capabilities are the greeting, and end with a response.
  private mutating func sieve() throws {
    var greeting = try line()
    while greeting.hasPrefix("\"") { greeting = try line() }
    guard greeting.uppercased().hasPrefix("OK") else { throw refused("a greeting", greeting) }
    try send("STARTTLS\r\n")
    let answer = try line()
    guard answer.uppercased().hasPrefix("OK") else { throw refused("consent to STARTTLS", answer) }
  }

  /// RFC 4642 §2.2.
  private mutating func nntp() throws {
    let greeting = try line()
    guard greeting.hasPrefix("200") || greeting.hasPrefix("201") else {
      throw refused("a greeting", greeting)
    }
    try send("STARTTLS\r\n")
    try expect("382", "consent to STARTTLS")
  }

  /// RFC 4217 §4.
  private mutating func ftp() throws {
    try expect("220", "a greeting")
    try send("AUTH TLS\r\n")
    try expect("234", "consent to AUTH TLS")
  }

  /// MySQL's client/server protocol: Protocol::HandshakeV10, answered with Protocol::SSLRequest. A packet has its length in three
  /// bytes, the lowest first, and its number in a fourth.
  private mutating func mysql() throws {
    let head = try bytes(4)
    let length = Int(head[0]) | Int(head[1]) << 8 | Int(head[2]) << 16
    guard length > 0, length < 4096 else { throw Refused(description: "this is not MySQL") }
    let packet = try bytes(length)
    if packet[0] == 0xff { throw refused("a greeting", String(decoding: packet.dropFirst(3), as: UTF8.self)) }
    // Its version ends with a zero; then come a connection's number, half of a nonce, a zero, and what the server can do.
    guard packet[0] == 10, let end = packet.firstIndex(of: 0), end + 15 < packet.count else {
      throw Refused(description: "this is not MySQL")
    }
    let (canTLS, protocol41): (UInt32, UInt32) = (0x800, 0x200)
    let capabilities = UInt32(packet[end + 14]) | UInt32(packet[end + 15]) << 8
    guard capabilities & canTLS != 0 else { throw Refused(description: "the server does not consent to TLS") }
    func littleEndian(_ number: UInt32) -> [UInt8] {
      (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }
    let utf8: UInt8 = 33
    var request: [UInt8] = [32, 0, 0, head[3] &+ 1]
    request += littleEndian(canTLS | protocol41) + littleEndian(1 << 24)
    request.append(utf8)
    request += [UInt8](repeating: 0, count: 23)
    try send(request)
  }

  // MARK: Bytes

  private func refused(_ what: String, _ line: String) -> Refused {
    Refused(description: "expected \(what), got '\(line.visible.shortened(to: 80))'")
  }

  private mutating func read(untilAnyOf words: [String], _ what: String) throws {
    var text = ""
    while !words.contains(where: text.hasSuffix) {
      text += String(decoding: try bytes(1), as: UTF8.self)
      if text.hasSuffix("</stream:stream>") || text.hasSuffix("<failure") { throw refused(what, text) }
    }
  }

  private mutating func line() throws -> String {
    var line: [UInt8] = []
    while line.last != UInt8(ascii: "\n") { line += try bytes(try countToEndOfLine()) }
    return String(decoding: line, as: UTF8.self).trimmed
  }

  /// How much of what has arrived belongs to this line. It is looked at without taking it, so that nothing that belongs to
  /// TLS is taken.
  private func countToEndOfLine() throws -> Int {
    try wait(for: POLLIN)
    var arrived = [UInt8](repeating: 0, count: 4096)
    let count = recv(descriptor, &arrived, arrived.count, Int32(MSG_PEEK))
    guard count > 0 else { throw Refused(description: "the server hung up") }
    return arrived.prefix(count).firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? count
  }

  private mutating func bytes(_ count: Int) throws -> [UInt8] {
    var all: [UInt8] = []
    while all.count < count {
      guard budget > 0 else { throw Refused(description: "the server talks without end") }
      try wait(for: POLLIN)
      var chunk = [UInt8](repeating: 0, count: count - all.count)
      let got = recv(descriptor, &chunk, chunk.count, 0)
      guard got > 0 else { throw Refused(description: "the server hung up") }
      budget -= got
      all += chunk.prefix(got)
    }
    return all
  }

  private func send(_ text: String) throws { try send(Array(text.utf8)) }

  private func send(_ bytes: [UInt8]) throws {
    try wait(for: POLLOUT)
    // What is sent here is less than any socket takes at once.
    guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
      throw Refused(description: "the server hung up")
    }
  }

  private func wait(for event: Int32) throws {
    let left = (deadline - .now).seconds
    var waiting = pollfd(fd: descriptor, events: Int16(event), revents: 0)
    guard left > 0, poll(&waiting, 1, Int32(left * 1000) + 1) > 0 else {
      throw Refused(description: "the server does not answer in time")
    }
  }
}
