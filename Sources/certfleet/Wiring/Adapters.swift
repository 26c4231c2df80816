import Agents
import Engine
import Fleet
import Foundation
import Install
import Inventory
import Issuance
import PKI
import struct Fleet.Host

/// Small joints between modules that do not know each other.

/// Looks at a host with OpenSSL.
struct TLSProbe: Probe {
  private static let timeout = Duration.seconds(5)

  func served(by host: Host, at verification: Verification) async throws(NoAnswer) -> Fingerprint {
    do {
      return try await ServedCertificate.fingerprint(
        at: host.address, port: verification.port, serverName: verification.serverName, timeout: Self.timeout)
    } catch { throw NoAnswer(reason: "\(error)") }
  }
}

/// Opens the sealed keys of a visit's certificates, when the visit begins and not before.
struct StoredMaterials: Materials {
  let store: Store

  func materials(for visit: PlannedVisit) async throws -> AgentRequest.Materials {
    var materials = AgentRequest.Materials()
    for certificate in visit.certificates {
      let stored = try await store.material(of: certificate.lineage, certificate.generation)
      let key: PrivateKey?
      switch stored.key {
      case .held(let held): key = held
      case .onHost(let made):
        key = nil
        materials.hostKeys.append(
          AgentRequest.HostKey(
            lineage: certificate.lineage, id: made.id, generation: certificate.generation))
      }
      materials.files += try CertbotLayout.files(chain: stored.chain, key: key).map { file in
        AgentRequest.File(
          lineage: certificate.lineage, name: file.name, mode: file.mode,
          base64: Base64.encode(file.content.reveal().utf8))
      }
    }
    return materials
  }
}

/// Keeps events in the store, then shows them.
struct ShownRecorder: Recorder {
  let store: Store
  let display: RunDisplay

  func record(_ event: Event) async throws {
    try await store.record(event)
    display.show(event)
  }
}

/// A lineage's issuing with one CA, in the store.
struct StoredOrder: OrderKeeper {
  let store: Store
  let lineage: Lineage.Name
  let directory: String
  let challenge: Challenge

  func pending() async throws -> PendingCertificate? {
    try await store.pendingCertificate(of: lineage, at: directory)
  }

  func keep(_ order: PendingCertificate?) async throws {
    try await store.keep(order, of: lineage, at: directory, now: Date())
  }

  func willPresent(_ proof: Proof) async throws {
    try await store.keepPresented(proof, by: challenge, of: lineage)
  }

  func didCleanUp(_ proof: Proof) async throws {
    try await store.forgetPresented(proof, of: lineage)
  }
}
