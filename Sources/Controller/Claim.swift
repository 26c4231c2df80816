import Engine
package import Fleet
import FoundationEssentials
import Storage
import System

/// Taking hosts over from another controller, or from a state that is lost.
extension Controller {
  /// What became of a claim.
  package struct Claimed: Sendable {
    package let host: Host.Name
    /// Whose it was, where it said so.
    package let former: ControllerMark?
    /// Why it was not taken over; `nil` where it was.
    package let failure: String?
  }

  /// - Parameters:
  ///   - names: hosts, where no selector is given.
  package func hostsToClaim(_ names: [String], to selector: String?) async throws -> [Host] {
    guard let selector else { return try await hosts(named: names) }
    return try await hosts(selector, of: try await store.lineages())
  }

  /// Makes the bases of hosts this controller's, and looks at what is there.
  package func claim(_ hosts: [Host], by author: Author) async throws -> [Claimed] {
    try await leased {
      let (connector, identity) = (try await connector(), try await store.identity())
      let epoch = try await store.beginEpoch(now: Date())
      let claimed = try await BoundedConcurrency.run(over: hosts, limit: Self.hostsAtOnce) { host in
        switch await HostClaim(of: host, connector: connector).run(by: identity, epoch: epoch) {
        case .claimed(let former): Claimed(host: host.name, former: former, failure: nil)
        case .refused(let reason): Claimed(host: host.name, former: nil, failure: reason)
        }
      }.sorted { $0.host < $1.host }
      for taken in claimed where taken.failure == nil {
        let from = taken.former.map { "from \($0.words)" } ?? "from nobody who said so"
        try await store.record(
          Event(
            at: Date(), subject: .init(host: taken.host),
            kind: .note(
              .claimed, text: "by \(author.name), \(from)\(author.why.isEmpty ? "" : ": \(author.why)")")))
        // A copy of this state was there with later epochs.
        if let former = taken.former, former.id == identity.id {
          try await store.countOn(from: former.epoch, now: Date())
        }
      }
      let names = Set(claimed.filter { $0.failure == nil }.map(\.host))
      _ = try await look(at: hosts.filter { names.contains($0.name) }, only: nil)
      return claimed
    }
  }
}
