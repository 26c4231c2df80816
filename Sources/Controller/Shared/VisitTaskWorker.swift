#if PostgreSQL
  import Engine
  import Fleet
  import Storage
  import Synchronization
  import System

  /// Carries out visits that the leader has handed out, its own and those of other controllers alike.
  final class VisitTaskWorker: Sendable {
    private let controller: Controller
    private let ports: Ports
    private let carrier = Mutex<VisitTaskCarrier?>(nil)
    let bell = Doorbell()

    init(_ controller: Controller, _ ports: Ports) { (self.controller, self.ports) = (controller, ports) }

    /// How often it is asked whether there is something to take, where nobody rings.
    private static let patience = Duration.milliseconds(200)

    /// Tells it of each visit that has ended, from now on.
    func report(to carrier: VisitTaskCarrier) { self.carrier.withLock { $0 = carrier } }

    /// Takes visits and carries them out, until the task is cancelled or a stop is requested; what was begun is ended.
    func run() async throws {
      try await withThrowingDiscardingTaskGroup { group in
        while !ports.stop.isRequested, !Task.isCancelled {
          let taken = try await controller.store.take(as: VisitAssignment.self) { $0.planned }
          for task in taken {
            group.addTask(executorPreference: ports.connector.executor) {
              // Whoever waits for the work to end does not want a visit to be cut off.
              await Task { await self.carryOut(task) }.value
            }
          }
          if taken.isEmpty { await bell.wait(for: Self.patience) }
        }
      }
    }

    private func carryOut(_ task: Store.TakenTask<VisitAssignment>) async {
      let store = controller.store
      let key = VisitKey(rollout: task.work.rollout, host: task.work.host.name)
      let work = task.open.map { task.work.resolving($0.token, isRevert: $0.isRevert) } ?? task.work
      do {
        let end = try await work.carryOut(ports.of(epoch: task.epoch))
        await store.forgetTask(key)
        await carrier.withLock { $0 }?.hasEnded(key, end)
      } catch {
        DebugLog.write("\(key.host): \(error)")
        // Another controller has it already, or takes it now.
        if error is LeaseLost { await store.forgetTask(key) } else { try? await store.giveBack(key) }
      }
    }
  }

  /// Wakes one who waits for something to do.
  actor Doorbell {
    private var waiting: CheckedContinuation<Bool, Never>?
    private var hasRung = false

    func ring() {
      hasRung = waiting == nil
      waiting?.resume(returning: true)
      waiting = nil
    }

    /// - Returns: whether somebody rang.
    @discardableResult
    func wait(for time: Duration) async -> Bool {
      if hasRung {
        hasRung = false
        return true
      }
      let alarm = Task {
        try await Task.sleep(for: time)
        waiting?.resume(returning: false)
        waiting = nil
      }
      defer { alarm.cancel() }
      return await withCheckedContinuation { waiting = $0 }
    }
  }
#endif
