/// Rows of text under headings, aligned.
package struct Table: Sendable {
  private let headings: [String]
  private var rows: [[String]] = []
  /// What stands under a row, as wide as it comes.
  private var notes: [Int: String] = [:]

  package init(_ headings: String...) { self.headings = headings }
  package init(_ headings: [String]) { self.headings = headings }

  package mutating func add(_ cells: String...) { rows.append(cells) }
  package mutating func add(_ cells: [String], below note: String = "") {
    if !note.isEmpty { notes[rows.count] = note }
    rows.append(cells)
  }

  package var isEmpty: Bool { rows.isEmpty }

  /// Two spaces between columns, none after the last; each line ends in a newline.
  package var text: String {
    let all = [headings] + rows
    let widths = headings.indices.map { column in all.map { $0[column].columns }.max() ?? 0 }
    return all.enumerated().map { index, row in
      let line = zip(row, widths).map { $0.padded(to: $1) }.joined(separator: "  ")
      let note = notes[index - 1].map { "    \($0)\n" } ?? ""
      return String(line.reversed().drop { $0 == " " }.reversed()) + "\n" + note
    }.joined()
  }
}
