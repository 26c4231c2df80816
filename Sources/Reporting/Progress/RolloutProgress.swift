package import Fleet
package import FoundationEssentials

/// How far the rollouts of a run are: lines as things happen, and a picture that is drawn again and again.
package struct RolloutProgress: Sendable {
  /// Those that go on, in the order in which they began; several go side by side.
  private var boards: [RolloutBoard] = []
  /// Once several went side by side each line says of which it is, also when the others have come to their end.
  private var isOneOfSeveral = false
  private var shownAt: ContinuousClock.Instant?
  private var silence = RolloutProgress.firstSilence
  private var heardAt = ContinuousClock.now

  /// Nobody reads faster.
  private static let interval = Duration.milliseconds(100)
  /// Without a terminal a line says after so long who is waited for, then after twice as long, and so on.
  private static let firstSilence = Duration.seconds(30)
  private static let longestSilence = Duration.seconds(600)

  package init() {}

  /// - Parameter ledger: how far it is already.
  package mutating func begin(_ rollout: Rollout.ID, _ plan: Plan?, _ ledger: RolloutLedger? = nil) {
    guard !boards.contains(where: { $0.id == rollout }) else { return }
    boards.append(RolloutBoard(rollout, plan, ledger))
  }

  /// - Returns: what is worth a line; which rollout's wave it is of, where several go on.
  package mutating func take(_ event: Event) -> [String] {
    guard let id = event.subject.rollout else { return [EventLine.progress(event)].compactMap { $0 } }
    begin(id, nil)
    guard let index = boards.firstIndex(where: { $0.id == id }) else { return [] }
    isOneOfSeveral = isOneOfSeveral || boards.count > 1
    var lines = boards[index].take(event)
    switch event.kind {
    case .rolloutEnded, .rolloutMoved(.paused, _): boards.remove(at: index)
    default: break
    }
    defer { if boards.isEmpty { isOneOfSeveral = false } }
    guard !lines.isEmpty else { return [] }
    (heardAt, silence) = (.now, Self.firstSilence)
    if isOneOfSeveral, event.subject.wave != nil, event.subject.host == nil {
      lines = lines.map { "rollout \(id), \($0)" }
    }
    return lines
  }

  /// What is drawn now; `nil` where it was a moment ago. The end of the work is shown at once.
  package mutating func picture(on screen: Screen, now: Date = Date()) -> [String]? {
    let moment = ContinuousClock.now
    let isAtWork = boards.contains { !$0.running.isEmpty }
    guard !isAtWork || shownAt.map({ moment - $0 >= Self.interval }) ?? true else { return nil }
    shownAt = moment
    return boards.count > 1
      ? boards.map { $0.line(on: screen) } : boards.flatMap { $0.lines(on: screen, now: now) }
  }

  /// Who is waited for, where nothing was said for long; for logs, which have no picture.
  package mutating func waiting(now: ContinuousClock.Instant = .now, wall: Date = Date()) -> String? {
    guard now - heardAt >= silence else { return nil }
    let running = boards.flatMap { Array($0.running) }
    let slow = running.filter { wall.timeIntervalSince($0.value) >= Self.firstSilence.seconds }
    guard let longest = slow.map(\.value).min() else { return nil }
    (heardAt, silence) = (now, min(silence * 2, Self.longestSilence))
    let age = Duration.seconds(wall.timeIntervalSince(longest).rounded())
    return "waiting for \(HostSet.folded(slow.map(\.key))), at work for \(age.short)"
  }
}
