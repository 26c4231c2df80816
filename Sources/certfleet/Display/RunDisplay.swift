import Controller
import Fleet
import FoundationEssentials
import Issuance
import Reporting
import Synchronization

/// Shows what the controller does as it goes: a line for each thing worth one, and on a terminal a status line with who is
/// still at work.
final class RunDisplay: Sendable {
  private let console: Console
  private let state = Mutex(State())

  fileprivate struct State {
    /// Those that go on; several go side by side.
    var rollouts: Set<Rollout.ID> = []
    var wave = 0
    var waveCount = 0
    /// Of all rollouts that go on.
    var hostCount = 0
    var hostsInWave = 0
    var done = 0
    var bad = 0
    var running: Set<Host.Name> = []
    var shownAt: ContinuousClock.Instant?
  }

  /// Nobody reads faster, and folding the names of hundreds of hosts for each of their events took a third of a rollout's
  /// processor time.
  private static let interval = Duration.milliseconds(100)

  init(console: Console) { self.console = console }

  func show(_ event: ControllerEvent) {
    switch event {
    case .recorded(let event): show(event)
    case .issuing(.progress(let done, let failed, let total)):
      guard total > 1 else { return }
      let failures = failed == 0 ? "" : ", \(failed) not issued"
      console.show(status: done == total ? "" : "issuing: \(done)/\(total) done\(failures)")
    case .rolloutBegins(let id, let plan):
      state.withLock { state in
        if state.rollouts.isEmpty { state = State() }
        state.rollouts.insert(id)
        state.waveCount = plan.waves.count
        state.hostCount += plan.hostCount
      }
      event.lines.forEach(console.say)
    default: event.lines.forEach(console.say)
    }
  }

  private func show(_ event: Event) {
    let (status, isOneOfSeveral) = state.withLock { state -> (String?, Bool) in
      let isOneOfSeveral = state.rollouts.count > 1
      state.take(event)
      guard console.isLive, state.isWorthShowing(after: Self.interval) else { return (nil, isOneOfSeveral) }
      return (state.line, isOneOfSeveral)
    }
    if let line = EventLine.progress(event) {
      let isOfWave = event.subject.host == nil && event.subject.wave != nil
      console.say(
        (isOneOfSeveral && isOfWave ? "rollout \(event.subject.rollout?.description ?? "?"), " : "") + line)
    }
    if let status { console.show(status: status) }
  }
}

extension RunDisplay.State {
  fileprivate mutating func take(_ event: Event) {
    switch event.kind {
    case .waveStarted(let hosts) where rollouts.count <= 1:
      (wave, hostsInWave, done, bad, running) = (event.subject.wave ?? 0, hosts, 0, 0, [])
    case .visitStarted, .revertStarted: if let host = event.subject.host { running.insert(host) }
    case .visitEnded(let end, _):
      done += 1
      if end.account != .success { bad += 1 }
      if let host = event.subject.host { running.remove(host) }
    case .waveEnded where rollouts.count <= 1: running = []
    case .rolloutEnded, .rolloutMoved(.paused, _):
      if let id = event.subject.rollout { rollouts.remove(id) }
      if rollouts.isEmpty { running = [] }
    case .waveStarted, .waveEnded, .rolloutStarted, .rolloutMoved, .waveMoved, .step, .instructed, .note:
      break
    }
  }

  /// The end of the work is shown at once.
  fileprivate mutating func isWorthShowing(after interval: Duration) -> Bool {
    let now = ContinuousClock.now
    guard running.isEmpty || shownAt.map({ now - $0 >= interval }) ?? true else { return false }
    shownAt = now
    return true
  }

  fileprivate var line: String {
    guard !running.isEmpty else { return "" }
    let failures = bad == 0 ? "" : ", \(bad) not well"
    if rollouts.count > 1 {
      return
        "\(rollouts.count) rollouts: \(done)/\(hostCount) hosts done\(failures); at work: \(HostSet.folded(running))"
    }
    return
      "wave \(wave)/\(waveCount): \(done)/\(hostsInWave) done\(failures); at work: \(HostSet.folded(running))"
  }
}
