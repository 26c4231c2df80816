import Fleet
import FoundationEssentials
import Storage
import System

extension Controller {
  private static let atOnce = 50

  /// Hosts that were placed are asked what they serve now; no hook runs for it. One that serves ours is good from then on.
  ///
  /// - Returns: those that serve another certificate still.
  func askPlaced() async throws -> [HostCertificateStatus] {
    let placed = try await store.statuses().filter { $0.lastEnd == .placed && $0.active == $0.wanted }
    guard !placed.isEmpty else { return [] }
    let hosts = Dictionary(try await store.hosts().map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    let lineages = Dictionary(try await issuable().map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    let asked = try await BoundedConcurrency.run(over: placed, limit: Self.atOnce) { status in
      guard let host = hosts[status.host], let lineage = lineages[status.lineage],
        let expected = status.fingerprint
      else { return (status, false) }
      for question in lineage.questions(to: host) {
        guard (try? await TLSProbe().served(by: host, at: question))?.fingerprint == expected else {
          return (status, false)
        }
      }
      return (status, true)
    }
    for (status, _) in asked.filter(\.1) {
      try await store.record(
        Event(
          at: Date(), subject: .init(host: status.host, lineage: status.lineage),
          kind: .note(.served, text: "generation \(status.active?.description ?? "")")))
      tell(.nowServed(status.host, status.lineage))
    }
    let left = asked.filter { !$0.1 }.map(\.0)
    if !left.isEmpty { tell(.placed(left)) }
    return left
  }
}

extension Lineage {
  /// What the controller asks of a host that it goes to.
  func questions(to host: Host) -> [TLSQuestion] {
    deployments.filter { $0.selector.matches(host) }.flatMap(\.verify).filter { $0.place == .controller }
      .compactMap { if case .tls(let question) = $0.question { question } else { nil } }
  }
}
