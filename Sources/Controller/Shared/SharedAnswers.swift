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
      let store = controller.store
      listeners = Set(addresses).map { address in
        HTTP01Listener(
          address, isShared: true,
          lookUp: { token in
            let answer = Answer()
            Task {
              let proofs = try? await store.presented(as: Proof.self)
              answer.give(proofs?.first { $0.token == token }?.keyAuthorization)
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

    /// What a thread waits for that is a client's own.
    private final class Answer: Sendable {
      private let text = Mutex<String?>(nil)
      private let isThere = DispatchSemaphore(value: 0)

      func give(_ text: String?) {
        self.text.withLock { $0 = text }
        isThere.signal()
      }

      func wait() -> String? {
        isThere.wait()
        return text.withLock(\.self)
      }
    }
  }
#endif
