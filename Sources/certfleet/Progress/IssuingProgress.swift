import Synchronization

/// The status line of many orders: how many are done, and how many did not come.
final class IssuingProgress: Sendable {
  private let console: Console
  private let total: Int
  private let counts = Mutex((done: 0, failed: 0))

  init(console: Console, total: Int) {
    self.console = console
    self.total = total
    show(done: 0, failed: 0)
  }

  func ended(isIssued: Bool) {
    let (done, failed) = counts.withLock { counts in
      counts.done += 1
      counts.failed += isIssued ? 0 : 1
      return counts
    }
    show(done: done, failed: failed)
  }

  func end() { console.show(status: "") }

  private func show(done: Int, failed: Int) {
    guard total > 1 else { return }
    console.show(status: "issuing: \(done)/\(total) done\(failed == 0 ? "" : ", \(failed) not issued")")
  }
}
