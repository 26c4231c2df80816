import Engine
import Fleet
import FoundationEssentials
import Planning
import Storage
import System

extension Controller {
  /// Hosts that were placed are asked what they serve now; no hook runs for it. One that serves ours is good from then on.
  ///
  /// - Parameter request: others than it is for are not asked.
  /// - Returns: those that serve another certificate still.
  func askPlaced(of request: RunRequest) async throws -> [HostCertificateStatus] {
    let placed = try await store.statuses().filter {
      $0.lastEnd == .placed && $0.active == $0.wanted && request.only?.contains($0.lineage) ?? true
        && request.plan.hosts?.contains($0.host) ?? true
    }
    guard !placed.isEmpty else { return [] }
    let hosts = Dictionary(try await store.hosts().map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    let lineages = Dictionary(try await issuable().map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    #if PostgreSQL
      let carrier = HostTaskCarrier(store)
    #endif
    let asked = try await BoundedConcurrency.run(over: placed, limit: Self.hostsAtOnce) { status in
      guard let host = hosts[status.host], let lineage = lineages[status.lineage],
        let expected = status.fingerprint
      else { return (status, false) }
      #if PostgreSQL
        if let site = host.site, !reaches(host) {
          let answer = try await carrier.answer(to: .serves(expected, lineage.name, host.name), at: site)
          return (status, answer == .done(""))
        }
      #endif
      return (status, await Self.serves(expected, host, at: lineage.questions(to: host)))
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

extension Controller {
  /// Old workers of a server may answer for a moment longer.
  private static let sightings = 5

  /// Whether all of them are seen to serve it, several times in a row; not where there is nothing to ask.
  static func serves(
    _ expected: Fingerprint, _ host: Host, at questions: [TLSQuestion]
  ) async -> Bool {
    for question in questions {
      for _ in 0..<sightings {
        guard
          (try? await TLSProbe().served(by: host, at: question, expecting: expected))?.fingerprint == expected
        else {
          return false
        }
      }
    }
    return !questions.isEmpty
  }
}
