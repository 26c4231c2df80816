#if PostgreSQL
  import Engine
  import Storage

  /// Has hosts asked by whoever serves their site.
  actor HostTaskCarrier {
    private let store: Store
    private var waiting: [Int: Waiting] = [:]
    private var isAsking = false
    private static let betweenAsking = Duration.milliseconds(250)

    private struct Waiting {
      let task: HostTask
      let site: String
      let done: CheckedContinuation<HostAnswer, any Error>
    }

    init(_ store: Store) { self.store = store }

    func answer(to task: HostTask, at site: String) async throws -> HostAnswer {
      guard let number = try await store.handOut(.host, [(site: site, work: task)]).first else {
        return Self.nobody(serves: site, task)
      }
      return try await withCheckedThrowingContinuation { done in
        waiting[number] = Waiting(task: task, site: site, done: done)
        guard !isAsking else { return }
        isAsking = true
        Task { await askUntilAllHaveEnded() }
      }
    }

    private func askUntilAllHaveEnded() async {
      while !waiting.isEmpty {
        do { try await ask() } catch {
          for one in waiting.values { one.done.resume(throwing: error) }
          waiting = [:]
        }
        try? await Task.sleep(for: Self.betweenAsking)
      }
      isAsking = false
    }

    private func ask() async throws {
      let asked = Set(waiting.keys)
      let done = try await store.collectSiteTasks(.host, asked, as: HostAnswer.self)
      for number in asked.subtracting(done.left) {
        guard let one = waiting.removeValue(forKey: number) else { continue }
        one.done.resume(returning: done.results[number] ?? Self.nobody(serves: one.site, one.task))
      }
    }

    private static func nobody(serves site: String, _ task: HostTask) -> HostAnswer {
      .failed(
        .init(
          description:
            "\(task.host): no controller that is at work serves site \(site); see: certfleet controllers",
          isUnreachable: true))
    }
  }
#endif
