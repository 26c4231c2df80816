/// Text or bytes that must not be seen: it prints as `[REDACTED]`, and reading it takes an explicit call.
package struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  private let content: [UInt8]

  package init(_ text: String) { content = Array(text.utf8) }
  package init(bytes: [UInt8]) { content = bytes }

  /// The secret itself. Every call is a place to look at in a review.
  package func reveal() -> String { String(decoding: content, as: UTF8.self) }
  package func revealBytes() -> [UInt8] { content }

  package var description: String { "[REDACTED]" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
