import Fleet
import FoundationEssentials
import Glibc
import Reporting
import Storage

/// What the world beside the terminal hears at the end of a run. Nothing of it holds a run up, or makes one fail.
extension Controller {
  func tellWorld(of result: RunResult) async throws {
    let needsPerson = result.outcome == .failed || result.report.troubles.contains(where: \.kind.needsPerson)
    try await store.noteRun(at: Date(), isSuccess: !needsPerson)
    let declared = try await store.declaration()
    guard declared.metrics != nil || !declared.notifiers.isEmpty else { return }
    let report = try await report()
    if let metrics = declared.metrics {
      do { try Self.write(report.prometheus(version: Product.version), to: metrics.file) } catch {
        tell(.notTold("metrics: \(error)"))
      }
    }
    try await notify(declared.notifiers, of: report)
  }

  /// Each notifier is told what it does not know yet. What did not get out is told by the next run, as it is then.
  private func notify(_ notifiers: [Notifier], of report: FleetReport) async throws {
    guard !notifiers.isEmpty else { return }
    let name = try await store.identity().name
    var told = try await store.notified()
    let state = Notification.state(of: report)
    for notifier in notifiers {
      guard let notification = Notification(report, since: told[notifier.name] ?? [:], controller: name)
      else {
        // Better, and not well: nothing to tell, and remembered.
        told[notifier.name] = state
        continue
      }
      do {
        try await NotificationSender(notifier).send(notification)
        told[notifier.name] = state
      } catch { self.tell(.notTold("notify \(notifier.name): \("\(error)".visible.shortened(to: 300))")) }
    }
    try await store.keepNotified(told.filter { name, _ in notifiers.contains { $0.name == name } })
  }

  /// Sends every notifier, or the one that is named, a message of no weight.
  ///
  /// - Returns: of each its name, and why nothing arrived; `nil` where it did.
  package func testNotifiers(_ name: String?) async throws -> [(notifier: String, failure: String?)] {
    let declared = try await store.declaration().notifiers
    guard !declared.isEmpty else { throw ControllerError.noNotifier }
    let chosen = declared.filter { name == nil || $0.name == name }
    if chosen.isEmpty, let name {
      throw ControllerError.unknownNotifier(name, among: declared.map(\.name))
    }
    let message = Notification.test(controller: try await store.identity().name, now: Date())
    return await send(message, to: chosen)
  }

  /// Tells every notifier that a run failed by itself.
  ///
  /// - Parameter how: in few words.
  package func tellFailedRun(_ how: String) async throws -> [(notifier: String, failure: String?)] {
    let message = Notification.failedRun(how, controller: try await store.identity().name, now: Date())
    return await send(message, to: try await store.declaration().notifiers)
  }

  private func send(_ message: Notification, to notifiers: [Notifier]) async
    -> [(notifier: String, failure: String?)]
  {
    var results: [(notifier: String, failure: String?)] = []
    for notifier in notifiers {
      do {
        try await NotificationSender(notifier).send(message)
        results.append((notifier.name, nil))
      } catch { results.append((notifier.name, "\(error)".visible.shortened(to: 300))) }
    }
    return results
  }

  /// Whoever reads it finds the old figures or the new, whole.
  private static func write(_ text: String, to path: String) throws {
    let draft = path + ".\(getpid())"
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Unwritten(path: path) }
    let bytes = Array(text.utf8)
    let isWritten =
      fchmod(descriptor, 0o644) == 0 && Glibc.write(descriptor, bytes, bytes.count) == bytes.count
    guard close(descriptor) == 0, isWritten, rename(draft, path) == 0 else {
      let failure = Unwritten(path: path)
      unlink(draft)
      throw failure
    }
  }

  private struct Unwritten: Error, CustomStringConvertible {
    let description: String

    init(path: String) {
      description = "\(path) cannot be written: \(String(cString: strerror(errno)).lowercased())"
    }
  }
}
