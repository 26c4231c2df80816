import Fleet

/// Finds the agent's frames in what a channel delivers, in pieces of any size.
///
/// Everything that is not a frame with this visit's nonce is skipped: banners, start-up files, a hook's stray
/// output. Skipped and unfinished bytes are bounded, so that a host cannot make the controller grow.
public struct ReplyParser: Sendable {
  private let marker: [UInt8]
  private var buffer: [UInt8] = []

  private static let longestHeader = 8 << 10
  private static let largestPayload = 128 << 10

  public init(nonce: String) { marker = Array("@certfleet \(nonce) ".utf8) }

  /// A frame that this version does not understand, though the nonce is right.
  public struct Malformed: Error, Hashable, CustomStringConvertible {
    public let header: String
    public var description: String { "the agent's answer cannot be read: '\(header)'" }
  }

  /// Takes bytes and gives the replies that are complete with them.
  public mutating func consume(_ bytes: some Collection<UInt8>) throws(Malformed) -> [AgentReply] {
    buffer += bytes
    var replies: [AgentReply] = []
    while let reply = try next() { replies.append(reply) }
    return replies
  }

  private mutating func next() throws(Malformed) -> AgentReply? {
    guard let start = find(marker) else {
      // The marker's beginning may be what has come last.
      buffer.removeFirst(max(0, buffer.count - marker.count))
      return nil
    }
    let bodyStart = start + marker.count
    guard let lineEnd = buffer[bodyStart...].firstIndex(of: UInt8(ascii: "\n")) else {
      guard buffer.count - bodyStart <= Self.longestHeader else { throw malformed(buffer[bodyStart...]) }
      return nil
    }
    let line = String(decoding: buffer[bodyStart..<lineEnd], as: UTF8.self)
    let parts = line.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, let length = Int(parts[0]), (0...Self.largestPayload).contains(length) else {
      throw malformed(buffer[bodyStart..<lineEnd])
    }
    let payloadStart = lineEnd + 1
    guard buffer.count >= payloadStart + length else { return nil }
    let payload = Array(buffer[payloadStart..<(payloadStart + length)])
    guard let reply = AgentReply(header: parts[1], payload: payload) else {
      throw malformed(buffer[bodyStart..<lineEnd])
    }
    buffer.removeFirst(payloadStart + length)
    return reply
  }

  private func find(_ wanted: [UInt8]) -> Int? {
    guard buffer.count >= wanted.count else { return nil }
    return (0...(buffer.count - wanted.count)).first {
      buffer[$0] == wanted[0] && buffer[$0...].starts(with: wanted)
    }
  }

  private func malformed(_ bytes: ArraySlice<UInt8>) -> Malformed {
    Malformed(header: String(decoding: bytes.prefix(200), as: UTF8.self).visible)
  }
}
