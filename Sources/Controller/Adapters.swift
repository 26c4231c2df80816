package import Engine
package import Fleet
import FoundationEssentials
import Install
import Issuance
import PKI
package import Storage
import System

/// What the engine and issuing need of the world, wired to what is there.

extension Store: IssuingStore, MaterialSource {}

/// Looks at a host with OpenSSL.
struct TLSProbe: Probe {
  private static let timeout = Duration.seconds(5)

  func served(by host: Host, at question: TLSQuestion) async throws(NoAnswer) -> ServedLeaf {
    try await ask(host, question, for: nil)
  }

  func served(
    by host: Host, at question: TLSQuestion, with algorithm: ServedLeaf.KeyAlgorithm
  ) async throws(NoAnswer) -> ServedLeaf { try await ask(host, question, for: algorithm) }

  private func ask(
    _ host: Host, _ question: TLSQuestion, for algorithm: ServedLeaf.KeyAlgorithm?
  ) async throws(NoAnswer) -> ServedLeaf {
    let place = "\(question.address ?? host.address) port \(question.port) for \(question.serverName)"
    do {
      let served = try await ServedCertificate.leaf(
        at: question.address ?? host.address, port: question.port, serverName: question.serverName,
        startTLS: question.startTLS, algorithm: algorithm, timeout: Self.timeout)
      DebugLog.write("\(host.name): \(place) serves \(served.words)")
      return served
    } catch {
      DebugLog.write("\(host.name): \(place) serves nothing: \(error)")
      throw NoAnswer(
        reason: "\(error)", isOurs: (error as? ServedCertificate.NoAnswer)?.isOurs ?? false)
    }
  }
}

/// What people have said to rollouts, from whichever terminal.
package struct StoredInstructions: InstructionSource {
  let store: Store

  package init(store: Store) { self.store = store }

  package func instructions(for rollout: Rollout.ID) async throws -> OperatorInstructions {
    try await store.instructions(for: rollout)
  }
}

extension Controller {
  /// - Parameter carrier: gives visits to other controllers; `nil` where this one makes them all.
  func ports(stop: StopSignal, carrier: (any VisitCarrier)? = nil) async throws -> Ports {
    Ports(
      connector: try await connector(), probe: TLSProbe(), localHooks: ShellHooks(),
      materials: VisitMaterials(from: store), recorder: StoreRecorder(store: store, tell: tell),
      instructions: StoredInstructions(store: store), stop: stop,
      epoch: try await store.beginEpoch(now: Date()), controller: try await store.identity(), carrier: carrier
    )
  }
}

/// Keeps events in the store, then tells them.
package struct StoreRecorder: Recorder {
  let store: Store
  let tell: Controller.Listener
  var epoch: Int?

  package init(store: Store, epoch: Int? = nil, tell: @escaping Controller.Listener) {
    (self.store, self.epoch, self.tell) = (store, epoch, tell)
  }

  package func record(_ event: Event) async throws {
    try await store.record(event, epoch: epoch)
    tell(.recorded(event))
  }

  package func requireLead() async throws {
    #if PostgreSQL
      try await store.requireLease()
    #endif
  }

  package func of(epoch: Int) -> any Recorder { StoreRecorder(store: store, epoch: epoch, tell: tell) }

  package func read<Value: Sendable>(
    _ rollout: Rollout.ID, _ query: @Sendable (RolloutLedger) -> Value
  ) async throws -> Value {
    try await store.read(rollout, query)
  }
}
