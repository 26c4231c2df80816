#if PostgreSQL
  import Dispatch
  import Fleet
  import Issuance
  import Storage
  import Synchronization
  import System

  /// Answers CAs for the controller that leads: http-01 by a listener of our own reaches whichever controller the name's address leads to.
  final class SharedAnswers: Sendable {
    private let listeners: [HTTP01Listener]

    /// Where the declared certificates are proven so. An address that is not this machine's, or that another program has, is left out.
    init(of controller: Controller) async throws {
      let addresses = try await controller.store.lineages().compactMap { lineage -> ListenAddress? in
        guard case .http01(.listener(let address)) = lineage.challenge else { return nil }
        return address
      }
      let presented = Presented(store: controller.store)
      listeners = Set(addresses).map { address in
        HTTP01Listener(
          address, isShared: true,
          lookUp: { token in
            let answer = Answer()
            Task {
              answer.give(await presented.proofs().first { $0.token == token }?.keyAuthorization)
            }
            return answer.wait()
          })
      }
    }

    /// While another controller leads.
    func open() {
      for listener in listeners {
        do { try listener.open() } catch { DebugLog.write("CAs are not answered from here: \(error)") }
      }
    }

    /// Before this one orders, and listens itself.
    func close() { for listener in listeners { listener.close() } }

    /// What the leader shows. One question at a time, for all who wait: whoever asks much does not keep the database from what it is for.
    private actor Presented {
      private let store: Store
      private var current: Task<[Proof], Never>?
      /// What whoever asks now waits for: begun after the ask, since what is shown may be new.
      private var next: Task<[Proof], Never>?

      init(store: Store) { self.store = store }

      func proofs() async -> [Proof] {
        if let next { return await next.value }
        let task = Task { [current] in
          _ = await current?.value
          return await ask()
        }
        next = task
        return await task.value
      }

      private func ask() async -> [Proof] {
        (current, next) = (next, nil)
        return (try? await store.presented(as: Proof.self)) ?? []
      }
    }

    /// What a thread waits for that is a client's own.
    private final class Answer: Sendable {
      private let text = Mutex<String?>(nil)
      private let isThere = DispatchSemaphore(value: 0)

      func give(_ text: String?) {
        self.text.withLock { $0 = text }
        isThere.signal()
      }

      func wait() -> String? {
        // Without the database there is no answer; the CA asks again.
        _ = isThere.wait(timeout: .now() + .seconds(10))
        return text.withLock(\.self)
      }
    }
  }
#endif
