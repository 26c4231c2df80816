package import Fleet
package import FoundationEssentials

/// Private keys are kept as long as a host, or a way back, may need them.
extension Store {
  /// The key of a generation was erased.
  package struct KeyErased: Error, Hashable, CustomStringConvertible {
    package let lineage: Lineage.Name
    package let generation: Generation
    package var description: String {
      "the key of generation \(generation) of \(lineage) was erased when no host had it any more; what is newer can be had"
    }
  }

  /// As many generations as hosts keep for going back.
  private static let kept = 3

  /// Erases the keys of generations that are none of the newest three, nor of the last three that any host was left with.
  ///
  /// - Returns: how many.
  package func eraseSpentKeys(now: Date) throws -> Int {
    try transaction {
      let spent = try database.rows(
        """
        SELECT lineage, generation, facts, chain, key, host_key, request FROM certificate AS c
        WHERE key IS NOT NULL AND length(key) > 0
          AND (SELECT count(*) FROM certificate WHERE lineage = c.lineage AND generation > c.generation) >= ?
          AND NOT EXISTS (
            SELECT 1 FROM placement AS p WHERE p.lineage = c.lineage AND p.generation = c.generation AND p.kept_at IS NOT NULL
              AND (SELECT count(*) FROM placement AS q WHERE q.host = p.host AND q.lineage = p.lineage
                AND q.generation > p.generation AND q.kept_at IS NOT NULL) < ?)
        """, [.integer(Self.kept), .integer(Self.kept)]
      ) {
        (
          lineage: Lineage.Name($0.text(0)), generation: Generation($0.integer(1)),
          seal: CertificateSeal(
            facts: $0.text(2), chain: $0.text(3), key: nil, hostKey: $0.optionalText(5),
            request: $0.isNull(6) ? nil : $0.blob(6))
        )
      }
      for (lineage, generation, seal) in spent {
        try database.run(
          "UPDATE certificate SET key = ?, seal = ? WHERE lineage = ? AND generation = ?",
          [
            .blob(Data()), .blob(try seal.seal(with: sealing, lineage, generation)), .text(lineage.rawValue),
            .integer(generation.number),
          ])
        try append(
          Event(
            at: now, subject: .init(lineage: lineage),
            kind: .note(.keyErased, text: "generation \(generation)")))
      }
      return spent.count
    }
  }
}
