import SSH

/// What a connection takes up, until it is given back.
actor Seats {
  private let turnstiles: [Turnstile]
  private var isTaken = true

  init(in turnstiles: [Turnstile]) async {
    self.turnstiles = turnstiles
    for turnstile in turnstiles { await turnstile.enter() }
  }

  func leave() async {
    guard isTaken else { return }
    isTaken = false
    for turnstile in turnstiles { await turnstile.leave() }
  }

  /// Waits until another connection has ended.
  ///
  /// - Returns: whether there is another.
  func makeRoom() async -> Bool {
    guard let sessions = turnstiles.first else { return false }
    // All of them: whoever waits for one holds no other that somebody inside waits for.
    for turnstile in turnstiles.dropFirst() { await turnstile.leave() }
    let isOneOfMany = await sessions.leaveForWantOfRoom()
    for turnstile in turnstiles { await turnstile.enter() }
    return isOneOfMany
  }
}
