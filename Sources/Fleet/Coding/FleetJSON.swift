import Dispatch
import FoundationEssentials

/// The form of everything that is stored as JSON and of all that `--json` prints: keys in snake_case, moments as RFC 3339 has them, in
/// whole seconds and UTC, durations in seconds, and a `type` where there are several kinds. The types write it down themselves, so
/// that a name in Swift can be changed and no byte here is.
package enum FleetJSON {
  /// Of this form; the one before had Swift's own shapes.
  package static let form = 2

  /// On one line, with bytes that depend on the value alone: they can be hashed.
  package static func canonical(_ value: some Encodable) throws -> String {
    try text(value, [.sortedKeys, .withoutEscapingSlashes])
  }

  /// For people and programs, with a newline at the end.
  package static func pretty(_ value: some Encodable) throws -> String {
    try text(value, [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]) + "\n"
  }

  private static func text(_ value: some Encodable, _ formatting: JSONEncoder.OutputFormatting) throws
    -> String
  {
    let encoder = JSONEncoder()
    encoder.outputFormatting = formatting
    encoder.dateEncodingStrategy = .iso8601
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  package static func decode<Value: Decodable>(
    _ text: String, as type: Value.Type = Value.self
  ) throws -> Value {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    return try decoder.decode(type, from: Data(text.utf8))
  }

  /// Many, by all processors.
  package static func decode<Value: Decodable & Sendable>(
    all texts: [String], as type: Value.Type = Value.self
  ) throws -> [Value] {
    let step = 500
    let starts = Array(stride(from: 0, to: texts.count, by: step))
    var parts = [Result<[Value], any Error>](repeating: .success([]), count: starts.count)
    parts.withUnsafeMutableBufferPointer { parts in
      // Each part is written by one iteration.
      nonisolated(unsafe) let parts = parts
      DispatchQueue.concurrentPerform(iterations: starts.count) { index in
        let own = texts[starts[index]..<min(starts[index] + step, texts.count)]
        parts[index] = Result { try own.map { try decode($0) } }
      }
    }
    return try parts.flatMap { try $0.get() }
  }
}
