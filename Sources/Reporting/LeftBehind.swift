package import Fleet
import FoundationEssentials

/// Certificates that stay on hosts where they are no longer declared to go, as lines.
package enum LeftBehind {
  package static func lines(of left: [(host: Host.Name, certificate: Certificate)]) -> [String] {
    Dictionary(grouping: left, by: \.certificate.lineage).sorted { $0.key < $1.key }.map { lineage, left in
      let ends =
        left.map(\.certificate.notAfter).min().map { ", the first until \($0.ISO8601Format())" } ?? ""
      return
        "\(lineage) stays on \(HostSet.folded(Set(left.map(\.host)))) with its key\(ends), and is renewed there no more; what serves it is to be pointed elsewhere, then live/\(lineage.declared) and archive/\(lineage.declared) removed there"
    }
  }
}
