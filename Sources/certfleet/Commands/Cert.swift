import Fleet
import Foundation
import Inventory
import Issuance
import Reporting

extension Command {
  static let certList = Command(
    words: ["cert", "list"],
    summary: "show the certificates, their newest generation and when they are renewed",
    options: [Option(name: "json", help: "as JSON")]
  ) { invocation in
    let store = try Session(invocation).store
    let newest = try await store.newestCertificates()
    let certificates = try await store.lineages().map { lineage in
      ListedCertificate(
        lineage: lineage, newest: newest[lineage.name], renewal: newest[lineage.name]?.renewalMoment)
    }
    Console.standard.result(
      invocation.has("json")
        ? try JSONText.encode(certificates) : Listing.certificates(certificates, now: Date()))
    return .converged
  }

  static let certRenew = Command(
    words: ["cert", "renew"], summary: "issue a certificate's next generation now; run rolls it out",
    operands: ["CERT..."]
  ) { invocation in
    let session = try Session(invocation)
    var lineages: [Lineage] = []
    for name in invocation.operands { lineages.append(try await session.lineage(named: name)) }
    let lease = try Lease(home: session.home, now: Date())
    defer { withExtendedLifetime(lease) {} }
    let issuers = try await session.store.declaration().issuers
    let isComplete = try await IssuingDesk(store: session.store, issuers: issuers).issue(lineages)
    return isComplete ? .converged : .failed
  }
}
