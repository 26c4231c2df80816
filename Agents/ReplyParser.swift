import Fleet

/// Finds the agent's frames in what a channel delivers, in pieces of any size.
///
/// Everything that is not a frame with this visit's nonce is skipped: banners, start-up files, a hook's stray
/// output. Each byte is looked at once, and what is kept is bounded, so that a host cannot make the controller grow.
package struct ReplyParser: Sendable {
  private let marker: [UInt8]
  private var buffer: [UInt8] = []
  /// Bytes that were no part of a frame, so far.
  package private(set) var skipped = 0

  private static let longestHeader = 8 << 10
  private static let largestPayload = 128 << 10

  package init(nonce: String) { marker = Array("@certfleet \(nonce) ".utf8) }

  /// A frame that this version does not understand, though the nonce is right.
  package struct Malformed: Error, Hashable, CustomStringConvertible {
    package let header: String
    package var description: String { "the agent's answer cannot be read: '\(header)'" }
  }

  /// Takes bytes and gives the replies that are complete with them.
  package mutating func consume(_ bytes: some Collection<UInt8>) throws(Malformed) -> [AgentReply] {
    buffer += bytes
    var (replies, position) = ([AgentReply](), 0)
    defer { buffer.removeFirst(position) }
    while let reply = try next(&position) { replies.append(reply) }
    return replies
  }

  /// - Parameter position: up to where the buffer is done with.
  private mutating func next(_ position: inout Int) throws(Malformed) -> AgentReply? {
    guard let start = find(marker, from: position) else {
      // The marker's beginning may be what has come last.
      let kept = max(position, buffer.count - marker.count + 1)
      skipped += kept - position
      position = kept
      return nil
    }
    skipped += start - position
    position = start
    let bodyStart = start + marker.count
    let longest = buffer[bodyStart...].prefix(Self.longestHeader + 1)
    guard let lineEnd = longest.firstIndex(of: UInt8(ascii: "\n")) else {
      guard longest.count <= Self.longestHeader else { throw malformed(longest) }
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
    position = payloadStart + length
    return reply
  }

  private func find(_ wanted: [UInt8], from start: Int) -> Int? {
    buffer.withUnsafeBufferPointer { buffer in
      wanted.withUnsafeBufferPointer { wanted in
        var position = start
        while position + wanted.count <= buffer.count {
          guard
            let next = buffer[position...(buffer.count - wanted.count)].firstIndex(of: wanted[0])
          else { return nil }
          if buffer[next..<(next + wanted.count)].elementsEqual(wanted) { return next }
          position = next + 1
        }
        return nil
      }
    }
  }

  private func malformed(_ bytes: ArraySlice<UInt8>) -> Malformed {
    Malformed(header: String(decoding: bytes.prefix(200), as: UTF8.self).visible)
  }
}
