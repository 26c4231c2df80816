/// Finds what somebody meant to type.
package enum Nearest {
  /// `; did you mean 'port'?`
  ///
  /// - Parameter otherwise: where no candidate is near.
  package static func suggestion(
    for typed: String, among candidates: [String], otherwise: String = ""
  ) -> String {
    // Two letters that changed places count as two.
    let limit = max(typed.count > 3 ? 2 : 1, typed.count / 3)
    let nearest = candidates.map { (name: $0, distance: distance(typed, $0)) }
      .filter { $0.distance <= limit }.min { $0.distance < $1.distance }
    return nearest.map { "; did you mean '\($0.name)'?" } ?? otherwise
  }

  /// Levenshtein's: the fewest insertions, deletions and replacements.
  private static func distance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.prefix(64)), Array(b.prefix(64)))
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let above = row[j + 1]
        row[j + 1] = min(above + 1, row[j] + 1, diagonal + (x == y ? 0 : 1))
        diagonal = above
      }
    }
    return row[b.count]
  }
}
