/// Rows of text under headings, aligned.
package struct Table: Sendable {
  private let headings: [String]
  private var rows: [[String]] = []

  package init(_ headings: String...) { self.headings = headings }
  package init(_ headings: [String]) { self.headings = headings }

  package mutating func add(_ cells: String...) { rows.append(cells) }
  package mutating func add(_ cells: [String]) { rows.append(cells) }

  package var isEmpty: Bool { rows.isEmpty }

  /// Two spaces between columns, none after the last; each line ends in a newline.
  package var text: String {
    let all = [headings] + rows
    let widths = headings.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
      let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
      let line = cells.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
    }.joined()
  }
}
