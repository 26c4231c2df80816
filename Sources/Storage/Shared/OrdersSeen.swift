#if PostgreSQL
  /// Which of what was ordered a run has seen, so that not each controller that heard of it leads one. A run sees all that was ordered before
  /// the epoch that it drew when it began.
  extension Store {
    package func drawEpoch() throws -> Int {
      try database.rows("SELECT \(database.nextEpoch)") { $0.integer(0) }.first ?? 0
    }

    package func noteOrdersSeen(before epoch: Int) throws { try keep(epoch, as: .ordersSeen) }

    /// - Parameter epoch: drawn after the order was heard.
    package func areOrdersSeen(before epoch: Int) throws -> Bool {
      (try setting(.ordersSeen) as Int? ?? 0) > epoch
    }
  }
#endif
