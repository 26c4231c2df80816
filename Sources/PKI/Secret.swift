/// Text that must not be seen: it prints as `[REDACTED]`, and reading it takes an explicit call.
public struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  private let text: String

  public init(_ text: String) { self.text = text }

  /// The secret itself. Every call is a place to look at in a review.
  public func reveal() -> String { text }

  public var description: String { "[REDACTED]" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
