package import Fleet

extension Store {
  /// What all that was said to a rollout adds up to.
  package func instructions(for id: Rollout.ID) throws -> OperatorInstructions {
    let said = try database.rows(
      "SELECT instruction, author, why FROM instruction WHERE rollout = ? ORDER BY id", [.integer(id.number)]
    ) { (try $0.json(0, as: Instruction.self), $0.text(1), $0.text(2)) }
    return said.reduce(into: OperatorInstructions()) { orders, entry in
      orders.take(entry.0, from: entry.2.isEmpty ? entry.1 : "\(entry.1): \(entry.2)")
    }
  }
}
