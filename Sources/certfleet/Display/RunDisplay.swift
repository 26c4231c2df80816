import Controller
import Fleet
import Issuance
import Reporting
import Synchronization

/// Shows what the controller does as it goes: a line for each thing worth one, and on a terminal a status line with who is
/// still at work.
final class RunDisplay: Sendable {
  private let console: Console
  private let progress = Mutex(RolloutProgress())

  init(console: Console) {
    self.console = console
    guard !console.isLive else { return }
    Task { [weak self] in
      while true {
        try await Task.sleep(for: .seconds(5))
        guard let self else { return }
        sayWhoIsWaitedFor()
      }
    }
  }

  /// Where there is no status line.
  private func sayWhoIsWaitedFor() {
    if let line = progress.withLock({ $0.waiting() }) { console.say(line) }
  }

  func show(_ event: ControllerEvent) {
    switch event {
    case .recorded(let event):
      let (lines, picture) = progress.withLock { progress in
        let lines = progress.take(event)
        return (lines, console.isLive ? progress.picture(on: console.picture) : nil)
      }
      lines.forEach(console.say)
      if let picture { console.show(picture) }
    case .issuing(.progress(let done, let failed, let total)):
      guard total > 1 else { return }
      let failures = failed == 0 ? "" : ", \(failed) not issued"
      console.show(done == total ? [] : ["issuing: \(done)/\(total) done\(failures)"])
    case .rolloutBegins(let id, let plan):
      progress.withLock { $0.begin(id, plan) }
      event.lines.forEach(console.say)
    case .rolloutGoesOn(let id, let plan, let ledger): progress.withLock { $0.begin(id, plan, ledger) }
    default: event.lines.forEach(console.say)
    }
  }
}
