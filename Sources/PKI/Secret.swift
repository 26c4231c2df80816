/// Text or bytes that must not be seen: it prints as `[REDACTED]`, and reading it takes an explicit call.
public struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  private let content: [UInt8]

  public init(_ text: String) { content = Array(text.utf8) }
  public init(bytes: [UInt8]) { content = bytes }

  /// The secret itself. Every call is a place to look at in a review.
  public func reveal() -> String { String(decoding: content, as: UTF8.self) }
  public func revealBytes() -> [UInt8] { content }

  public var description: String { "[REDACTED]" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
