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
      let (line, status) = progress.withLock { progress in
        let line = progress.take(event)
        return (line, console.isLive ? progress.status() : nil)
      }
      if let line { console.say(line) }
      if let status { console.show(status: status) }
    case .issuing(.progress(let done, let failed, let total)):
      guard total > 1 else { return }
      let failures = failed == 0 ? "" : ", \(failed) not issued"
      console.show(status: done == total ? "" : "issuing: \(done)/\(total) done\(failures)")
    case .rolloutBegins(let id, let plan):
      progress.withLock { $0.begin(id, plan) }
      event.lines.forEach(console.say)
    default: event.lines.forEach(console.say)
    }
  }
}
