#if PostgreSQL
  import Engine
  import Fleet
  import Issuance
  import Storage
  import System

  /// Asks hosts what the leader wants to know of them or have done there.
  struct HostTaskWorker: Sendable {
    let controller: Controller
    let stop: StopSignal
    let bell = Doorbell()
    /// How often it is asked whether there is something to take, where nobody rings.
    private static let patience = Duration.seconds(2)

    /// Takes tasks and carries them out, until the task is cancelled or a stop is requested.
    func run() async {
      await withDiscardingTaskGroup { group in
        var known: Context?
        while !stop.isRequested, !Task.isCancelled {
          do {
            let tasks = try await controller.store.takeSiteTasks(
              .host, as: HostTask.self, atMost: Controller.hostsAtOnce)
            if !tasks.isEmpty {
              known = await context(after: known)
              for task in tasks { group.addTask { [known] in await carryOut(task, known) } }
              continue
            }
          } catch { DebugLog.write("hosts are not asked for the leader: \(error)") }
          await bell.wait(for: Self.patience)
        }
      }
    }

    /// `nil` where the state cannot be read: what was taken ends without an answer, since the leader waits for it.
    private func context(after known: Context?) async -> Context? {
      do {
        let revision = try await controller.store.revision()
        if let known, known.revision == revision { return known }
        return try await Context(controller, revision)
      } catch {
        DebugLog.write("hosts cannot be asked for the leader: \(error)")
        return nil
      }
    }

    private func carryOut(_ task: Store.SiteTask<HostTask>, _ context: Context?) async {
      let answer =
        await context?.answer(to: task.work)
        ?? .failed(
          .init(
            description: "\(task.work.host): the controller at its site cannot read what is declared",
            isUnreachable: true))
      do { try await controller.store.endSiteTask(task.number, result: answer) } catch {
        DebugLog.write("\(task.work.host): what it said is not told: \(error)")
      }
    }

    /// What was read of the fleet, once for as long as nothing else is declared or pinned.
    private struct Context: Sendable {
      let revision: Int
      private let requests: DirectHostRequests
      private let hosts: [Host.Name: Host]
      private let lineages: [Lineage.Name: Lineage]

      init(_ controller: Controller, _ revision: Int) async throws {
        self.revision = revision
        requests = DirectHostRequests(over: try await controller.connector())
        hosts = Dictionary(
          try await controller.store.hosts().map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        lineages = Dictionary(
          try await controller.issuable().map { ($0.name, $0) }, uniquingKeysWith: { $1 })
      }

      func answer(to task: HostTask) async -> HostAnswer {
        guard let host = hosts[task.host] else {
          return .failed(.init(description: "\(task.host) is declared no more", isUnreachable: true))
        }
        switch task {
        case .run(let task, _):
          do { return .done(try await requests.run(task, on: host)) } catch { return .failed(error) }
        case .look(let proof, _, let port):
          do {
            try await requests.look(for: proof, on: host, port: port)
            return .done("")
          } catch { return .notSeen(error.description) }
        case .serves(let expected, let lineage, _):
          let questions = lineages[lineage]?.questions(to: host) ?? []
          return await Controller.serves(expected, host, at: questions)
            ? .done("") : .notSeen("\(host.name) serves another certificate")
        }
      }
    }
  }
#endif
