package import Fleet
import FoundationEssentials

/// Certificates that stay on hosts where they are no longer declared to go, as lines.
package enum LeftOvers {
  package static func lines(of left: [LeftOver]) -> [String] {
    Dictionary(grouping: left, by: \.lineage).sorted { $0.key < $1.key }.map { lineage, left in
      let ends =
        left.compactMap(\.certificate?.notAfter).min().map { ", the first until \($0.ISO8601Format())" } ?? ""
      return
        "\(lineage) stays on \(HostSet.folded(Set(left.map(\.host)))) with its key\(ends), and is renewed there no more; when nothing serves it there: \(Remedy.retire(lineage))"
    }
  }
}
