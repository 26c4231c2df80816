#if PostgreSQL
  import Fleet
  import Storage
  import System

  /// Looks at hosts that the leader has handed out.
  struct LookTaskWorker: Sendable {
    let controller: Controller
    let stop: StopSignal
    let bell = Doorbell()
    /// How often it is asked whether there is something to take, where nobody rings.
    private static let patience = Duration.seconds(2)
    /// So many tasks at the same time are as many hosts as one controller alone looks at.
    private static let atOnce = Controller.hostsAtOnce / Controller.hostsOfALook

    /// What was read of the fleet, once for all looks that were handed out together.
    private struct Context: Sendable {
      let looking: Looking
      let lineages: Set<Lineage.Name>?
      let hosts: [Host.Name: Host]

      init(_ controller: Controller, _ lineages: Set<Lineage.Name>?) async throws {
        self.lineages = lineages
        looking = try await Looking(controller, only: lineages)
        hosts = Dictionary(
          try await controller.store.hosts().map { ($0.name, $0) }, uniquingKeysWith: { $1 })
      }
    }

    /// Takes looks and carries them out, until the task is cancelled or a stop is requested.
    func run() async {
      var context: Context?
      while !stop.isRequested, !Task.isCancelled {
        do {
          let tasks = try await controller.store.takeSiteTasks(
            .look, as: LookTask.self, atMost: Self.atOnce)
          if let first = tasks.first {
            // All hosts are read once for all tasks, and not for each.
            if context?.lineages != first.work.lineages { context = nil }
            if context == nil { context = await made(first.work.lineages) }
            await withDiscardingTaskGroup { [context] group in
              for task in tasks { group.addTask { await carryOut(task, context) } }
            }
            continue
          }
        } catch { DebugLog.write("no look is taken: \(error)") }
        context = nil
        await bell.wait(for: Self.patience)
      }
    }

    /// `nil` where the state cannot be read: what was taken ends without a look, since the leader waits for it.
    private func made(_ lineages: Set<Lineage.Name>?) async -> Context? {
      do { return try await Context(controller, lineages) } catch {
        DebugLog.write("nothing can be looked at: \(error)")
        return nil
      }
    }

    private func carryOut(_ task: Store.SiteTask<LookTask>, _ context: Context?) async {
      var outcome = LookOutcome()
      do {
        let hosts = task.work.hosts.compactMap { context?.hosts[$0] }
        if let context, !hosts.isEmpty {
          outcome = LookOutcome(try await controller.keep(try await context.looking.run(at: hosts)))
        }
      } catch { DebugLog.write("\(HostSet.folded(task.work.hosts)): nothing was looked at: \(error)") }
      do { try await controller.store.endSiteTask(task.number, result: outcome) } catch {
        DebugLog.write("what was seen is kept and not told: \(error)")
      }
    }
  }
#endif
