/// Work on many things, a few at a time: as one ends the next begins.
package enum BoundedConcurrency {
  /// - Parameters:
  ///   - limit: how many at once.
  ///   - goesOn: asked before each beginning; what is left when it says no is not begun.
  /// - Returns: the results, in the order in which they came.
  package static func run<Item: Sendable, Result: Sendable>(
    over items: some Sequence<Item>, limit: Int, while goesOn: () -> Bool = { true },
    _ work: @escaping @Sendable (Item) async throws -> Result
  ) async throws -> [Result] {
    var rest = Array(items)[...]
    return try await withThrowingTaskGroup(of: Result.self) { group in
      for item in rest.prefix(goesOn() ? limit : 0) { group.addTask { try await work(item) } }
      rest = rest.dropFirst(limit)
      var results: [Result] = []
      while let result = try await group.next() {
        results.append(result)
        if goesOn(), let item = rest.popFirst() { group.addTask { try await work(item) } }
      }
      return results
    }
  }
}
