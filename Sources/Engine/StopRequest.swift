import Synchronization

/// Asked for by a person's ^C: no new visit starts, and those under way come to their end.
public final class StopRequest: Sendable {
  private let flag = Atomic(false)

  public init() {}

  public var isRequested: Bool { flag.load(ordering: .acquiring) }

  /// - Returns: whether it was requested before.
  @discardableResult
  public func request() -> Bool { flag.exchange(true, ordering: .acquiringAndReleasing) }
}
