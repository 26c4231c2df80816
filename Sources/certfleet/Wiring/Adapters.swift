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

  func files(for visit: PlannedVisit) async throws -> [AgentRequest.File] {
    var files: [AgentRequest.File] = []
    for certificate in visit.certificates {
      let material = try await store.material(of: certificate.lineage, certificate.generation)
      files += try CertbotLayout.files(chain: material.chain, key: material.key).map { file in
        AgentRequest.File(
          lineage: certificate.lineage, name: file.name, mode: file.mode,
          base64: Base64.encode(file.content.reveal().utf8))
      }
    }
    return files
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

/// A lineage's open order in the store.
struct StoredOrder: OrderKeeper {
  let store: Store
  let lineage: Lineage.Name
  let directory: String

  func openOrder() async throws -> OpenOrder? {
    try await store.keptOrder(of: lineage, at: directory).map {
      OpenOrder(url: $0.url, names: $0.names, key: $0.key)
    }
  }

  func keep(_ order: OpenOrder?) async throws {
    try await store.keep(
      order.map { Store.KeptOrder(url: $0.url, names: $0.names, key: $0.key) }, of: lineage, at: directory,
      now: Date())
  }
}
