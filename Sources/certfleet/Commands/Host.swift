import Fleet
import Foundation
import Reporting
import Storage

extension Command {
  static let hostList = Command(
    words: ["host", "list"], summary: "show the hosts and their pinned keys",
    options: [Option(name: "json", help: "as JSON")]
  ) { invocation in
    let store = try Session(invocation).store
    let pinned = try await store.pinnedKeys()
    let hosts = try await store.hosts().map { ListedHost(host: $0, pinned: pinned[$0.name] ?? []) }
    Console.standard.result(
      invocation.has("json") ? try JSONText.encode(hosts, as: .hosts) : Listing.hosts(hosts))
    return .converged
  }
}
