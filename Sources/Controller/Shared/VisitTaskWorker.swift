#if PostgreSQL
  package import Engine
  import Fleet
  package import Storage
  import Synchronization
  package import System

  /// Carries out visits that the leader has handed out, its own and those of other controllers alike.
  package final class VisitTaskWorker: Sendable {
    private let store: Store
    private let stop: StopSignal
    private let patience: Duration
    private let makePorts: @Sendable () async throws -> Ports
    private let listener = Mutex(Listener())
    package let bell = Doorbell()

    /// - Parameters:
    ///   - patience: how often it is asked whether there is something to take, where nobody rings.
    ///   - makePorts: reads what hosts are reached by; asked again when something else is declared or pinned.
    package init(
      _ store: Store, stop: StopSignal, patience: Duration = .milliseconds(200),
      makePorts: @escaping @Sendable () async throws -> Ports
    ) {
      (self.store, self.stop, self.patience, self.makePorts) = (store, stop, patience, makePorts)
    }

    /// Tells it of each visit that has ended, from now on.
    package func report(to carrier: VisitTaskCarrier) { listener.withLock { $0.carrier = carrier } }

    /// It has the worker.
    private struct Listener {
      weak var carrier: VisitTaskCarrier?
    }

    /// Takes visits and carries them out, until the task is cancelled or a stop is requested; what was begun is ended.
    package func run() async {
      await withDiscardingTaskGroup { group in
        var known: (revision: Int, ports: Ports)?
        while !stop.isRequested, !Task.isCancelled {
          let taken = await take()
          do {
            if let revision = taken.last?.revision, revision != known?.revision {
              known = nil
              known = (revision, try await makePorts())
            }
          } catch { for task in taken { group.addTask { await self.giveBack(task, because: error) } } }
          for task in taken {
            guard let ports = known?.ports else { break }
            group.addTask(executorPreference: ports.connector.executor) {
              // Whoever waits for the work to end does not want a visit to be cut off.
              await Task { await self.carryOut(task, ports.of(epoch: task.epoch)) }.value
            }
          }
          // What is left is the others' share, until something has ended or was handed out.
          await bell.wait(for: patience)
        }
      }
    }

    /// Where the database cannot be asked, the next try may succeed.
    private func take() async -> [Store.TakenTask<VisitAssignment>] {
      do {
        return try await store.take(as: VisitAssignment.self, planned: \.planned)
      } catch {
        DebugLog.write("nothing is taken: \(error)")
        return []
      }
    }

    private func end(of task: Store.TakenTask<VisitAssignment>, _ ports: Ports) async throws -> VisitEnd {
      switch task.standing {
      case .new: return try await task.work.carryOut(ports)
      case .begun(let token, let isRevert):
        return try await task.work.resolving(token, isRevert: isRevert).carryOut(ports)
      case .ended(let end): return end
      }
    }

    private func carryOut(_ task: Store.TakenTask<VisitAssignment>, _ ports: Ports) async {
      let key = VisitKey(rollout: task.work.rollout, host: task.work.host.name)
      do {
        let end = try await end(of: task, ports)
        if !task.work.endsVisit || task.standing.isEnded {
          try await store.drop(key, epoch: task.epoch)
        } else {
          await store.forgetTask(key, epoch: task.epoch)
        }
        await listener.withLock { $0.carrier }?.hasEnded(key, end)
      } catch {
        if error is LeaseLost {
          DebugLog.write("\(key.host): \(error)")
          return await store.forgetTask(key, epoch: task.epoch)
        }
        await giveBack(task, because: error)
      }
    }

    /// Another controller may fare better; not at once, as it may fare the same.
    private func giveBack(_ task: Store.TakenTask<VisitAssignment>, because error: any Error) async {
      let key = VisitKey(rollout: task.work.rollout, host: task.work.host.name)
      DebugLog.write("\(key.host): \(error)")
      try? await Task.sleep(for: patience * 5)
      try? await store.giveBack(key, epoch: task.epoch)
      await listener.withLock { $0.carrier }?.hasFailed(key, error)
    }
  }

  /// Wakes one who waits for something to do.
  package actor Doorbell {
    private var waiting: CheckedContinuation<Bool, Never>?
    private var hasRung = false

    package func ring() {
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
