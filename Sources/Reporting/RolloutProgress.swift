package import Fleet

/// How far the rollouts of a run are, for one line that is shown again and again.
package struct RolloutProgress: Sendable {
  /// Those that go on; several go side by side.
  private var rollouts: Set<Rollout.ID> = []
  private var wave = 0
  private var waveCount = 0
  /// Of all rollouts that go on.
  private var hostCount = 0
  private var hostsInWave = 0
  private var done = 0
  private var bad = 0
  /// Hosts at work, and since when.
  private var running: [Host.Name: ContinuousClock.Instant] = [:]
  private var shownAt: ContinuousClock.Instant?
  private var silence = RolloutProgress.firstSilence
  private var heardAt = ContinuousClock.now

  /// Nobody reads faster, and folding the names of hundreds of hosts for each of their events took a third of a rollout's
  /// processor time.
  private static let interval = Duration.milliseconds(100)
  /// Without a terminal a line says after so long who is waited for, then after twice as long, and so on.
  private static let firstSilence = Duration.seconds(30)
  private static let longestSilence = Duration.seconds(600)

  package init() {}

  package mutating func begin(_ rollout: Rollout.ID, _ plan: Plan) {
    if rollouts.isEmpty { self = RolloutProgress() }
    rollouts.insert(rollout)
    waveCount = plan.waves.count
    hostCount += plan.hostCount
  }

  /// - Returns: the event as a line of its own, where it is worth one; which rollout's wave it is of, where several go on.
  package mutating func take(_ event: Event) -> String? {
    let isOneOfSeveral = rollouts.count > 1
    count(event)
    guard let line = EventLine.progress(event) else { return nil }
    (heardAt, silence) = (.now, Self.firstSilence)
    guard isOneOfSeveral, event.subject.host == nil, event.subject.wave != nil,
      let rollout = event.subject.rollout
    else { return line }
    return "rollout \(rollout), \(line)"
  }

  private mutating func count(_ event: Event) {
    switch event.kind {
    case .waveStarted(let hosts) where rollouts.count <= 1:
      (wave, hostsInWave, done, bad, running) = (event.subject.wave ?? 0, hosts, 0, 0, [:])
    case .visitStarted, .revertStarted: if let host = event.subject.host { running[host] = .now }
    case .visitEnded(let end, _):
      done += 1
      if end.account != .success { bad += 1 }
      if let host = event.subject.host { running[host] = nil }
    case .waveEnded where rollouts.count <= 1: running = [:]
    case .rolloutEnded, .rolloutMoved(.paused, _):
      if let id = event.subject.rollout { rollouts.remove(id) }
      if rollouts.isEmpty { running = [:] }
    case .waveStarted, .waveEnded, .rolloutStarted, .rolloutMoved, .waveMoved, .step, .instructed, .note:
      break
    }
  }

  /// What is shown now; `nil` where it was shown a moment ago. The end of the work is shown at once.
  package mutating func status() -> String? {
    let now = ContinuousClock.now
    guard running.isEmpty || shownAt.map({ now - $0 >= Self.interval }) ?? true else { return nil }
    shownAt = now
    return line
  }

  /// Who is waited for, where nothing was said for long; for logs, which have no status line.
  package mutating func waiting(now: ContinuousClock.Instant = .now) -> String? {
    guard now - heardAt >= silence else { return nil }
    let slow = running.filter { now - $0.value >= Self.firstSilence }
    guard let longest = slow.values.min() else { return nil }
    (heardAt, silence) = (now, min(silence * 2, Self.longestSilence))
    return "waiting for \(HostSet.folded(slow.keys)), at work for \((now - longest).short)"
  }

  private var line: String {
    guard !running.isEmpty else { return "" }
    let failures = bad == 0 ? "" : ", \(bad) not well"
    if rollouts.count > 1 {
      return
        "\(rollouts.count) rollouts: \(done)/\(hostCount) hosts done\(failures); at work: \(HostSet.folded(running.keys))"
    }
    return
      "wave \(wave)/\(waveCount): \(done)/\(hostsInWave) done\(failures); at work: \(HostSet.folded(running.keys))"
  }
}
