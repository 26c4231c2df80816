import Fleet

/// Which reply may come next. A host that says anything else is not understood, whatever it means by it.
///
/// PROTOCOL.md, "Order of the frames".
package struct AgentReplyOrder: Hashable, Sendable {
  package enum Exchange: Hashable, Sendable, CaseIterable {
    case visit, query, check, task, installation, look, claim, discover
  }

  private let exchange: Exchange
  private let asksForWord: Bool
  private var hasGreeted = false
  /// The step that was told last; a visit never goes back to an earlier one.
  private var reached: Step?
  private var isBegun = false
  private var streams: Set<AgentReply.Stream> = []
  private var hasAsked = false
  private var hasHadMore = false
  private var hasWord = false
  private var hasEnded = false

  /// - Parameter asksForWord: whether the host is to ask for the controller's word.
  package init(_ exchange: Exchange, asksForWord: Bool = false) {
    self.exchange = exchange
    self.asksForWord = asksForWord
  }

  /// What came cannot be next.
  package struct OutOfOrder: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
  }

  /// The controller's word is on its way: the host may go on.
  package mutating func gaveWord() { hasWord = true }

  package mutating func accept(_ reply: AgentReply) throws(OutOfOrder) {
    guard !hasEnded else { throw refused("more after its end") }
    guard !hasAsked || hasWord else { throw refused("more before it had the word that it asked for") }
    switch reply {
    case .hello(let version, _): try greet(version)
    case .begin(let step, _, _): try begin(step)
    case .output(let stream, _): try take(stream)
    case .step(let step, _, _, _, _): try reach(step)
    case .await: try ask()
    case .end(let end, _): try finish(end)
    case .more: try giveMore()
    case .found(let finding):
      var isTold = false
      if case .told = finding { isTold = true }
      guard hasGreeted, isTold ? exchange == .discover : exchange == .look || exchange == .claim else {
        throw refused("what it has, and was not asked for it")
      }
    }
  }

  private mutating func greet(_ version: Int) throws(OutOfOrder) {
    guard exchange != .installation, !hasGreeted else { throw refused("a second greeting") }
    guard version == AgentScript.version else {
      throw refused("version \(version), and version \(AgentScript.version) was asked")
    }
    hasGreeted = true
  }

  private mutating func begin(_ step: Step) throws(OutOfOrder) {
    try check(step, "began")
    isBegun = true
    streams = []
  }

  private mutating func take(_ stream: AgentReply.Stream) throws(OutOfOrder) {
    switch exchange {
    case .visit, .query:
      guard isBegun, streams.insert(stream).inserted else { throw refused("output of no step") }
    case .task:
      guard hasGreeted, streams.insert(stream).inserted else {
        throw refused("output before its greeting, or twice")
      }
    case .check, .look, .claim, .discover, .installation: throw refused("output, and nothing was to run")
    }
  }

  private mutating func reach(_ step: Step) throws(OutOfOrder) {
    try check(step, "told of")
    isBegun = false
    streams = []
    reached = step
  }

  private func check(_ step: Step, _ verb: String) throws(OutOfOrder) {
    guard hasGreeted else { throw refused("steps before its greeting") }
    let isPossible =
      switch exchange {
      // While its preflight is under way the host mends what an earlier visit has left.
      case .visit: reached.map { step.rank >= $0.rank } ?? (step.rank <= Step.preflight.rank)
      case .query, .claim: step == .recover
      case .check: step == .preflight
      case .task, .look, .discover, .installation: false
      }
    guard isPossible, step.isOfHost else {
      throw refused("that it \(verb) '\(step.rawValue)'\(reached.map { " after '\($0.rawValue)'" } ?? "")")
    }
    if hasWord, step.rank <= Step.verify.rank { throw refused("'\(step.rawValue)' after it had the word") }
  }

  private mutating func ask() throws(OutOfOrder) {
    switch exchange {
    case .visit:
      guard asksForWord, !hasAsked, let reached, reached.rank >= Step.activate.rank,
        reached.rank <= Step.verify.rank
      else { throw refused("that it waits for a word which it was not to ask for now") }
    case .installation: guard !hasAsked else { throw refused("that it waits for a second word") }
    case .query, .check, .task, .look, .claim, .discover:
      throw refused("that it waits for a word which it was not to ask for")
    }
    hasAsked = true
  }

  /// Once, before anything else is told, by a visit of which the script came in part.
  private mutating func giveMore() throws(OutOfOrder) {
    guard exchange == .visit, hasGreeted, reached == nil, !hasHadMore else {
      throw refused("that it needs more of the script")
    }
    hasHadMore = true
  }

  private mutating func finish(_ end: AgentReply.End) throws(OutOfOrder) {
    let isPossible =
      switch exchange {
      case .visit: end != .unknownToken && (hasGreeted || end == .failedClean)
      case .query: hasGreeted || end == .failedClean
      case .check, .task, .look, .claim, .discover: end == .failedClean || hasGreeted && end == .ok
      case .installation: end == .failedClean || hasWord && end == .ok
      }
    guard isPossible else { throw refused("the end '\(end.rawValue)'") }
    hasEnded = true
  }

  private func refused(_ what: String) -> OutOfOrder {
    OutOfOrder(description: "the agent said what cannot come now: \(what)")
  }
}

extension Step {
  /// Where it comes in a visit.
  fileprivate var rank: Int { self == .recover ? 0 : Self.allCases.firstIndex(of: self) ?? 0 }
  /// The others are the controller's own.
  fileprivate var isOfHost: Bool { self != .connect && self != .reverify }
}
