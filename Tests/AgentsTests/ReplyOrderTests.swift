import Fleet
import Testing

@testable import Agents

/// Which frame may come next: every frame is tried in every state that a visit can be in.
@Suite struct ReplyOrderTests {
  private static let hello = AgentReply.hello(version: AgentScript.version, clock: 0)
  private static func step(_ step: Step) -> AgentReply { .step(step, nil, hook: nil, .succeeded, "") }

  private static let finding = AgentReply.found(.file(1, .same, nil))
  private static let told = AgentReply.found(
    .told(ToldByHost(.nginx, path: "/etc/nginx/nginx.conf", text: "")))
  private static let ends: [AgentReply] = [
    .ok, .degraded, .deferred, .failedClean, .rolledBack, .failedDirty, .unknownToken,
  ].map { .end($0, text: "") }

  /// All that an agent can say.
  private static let frames: [AgentReply] =
    [
      hello, .hello(version: 9999, clock: 0), .await(seconds: 5), .output(.stdout, .empty),
      .output(.stderr, .empty),
    ]
    + [finding, told] + Step.allCases.flatMap { [.begin($0, nil, hook: nil), step($0)] } + ends

  /// A way to each state, as a shorter or longer visit that goes well.
  private static let ways: [[AgentReply]] = {
    let visit: [AgentReply] = [
      hello, .begin(.preflight, nil, hook: nil), step(.recover), step(.preflight), step(.stage), step(.pre),
      step(.activate), .begin(.deploy, nil, hook: nil), .output(.stdout, .empty), step(.deploy),
      step(.verify),
      .await(seconds: 5), step(.post),
    ]
    return (0...visit.count).map { Array(visit.prefix($0)) }
  }()

  private func state(after way: [AgentReply]) throws -> AgentReplyOrder {
    var order = AgentReplyOrder(.visit, asksForWord: true)
    for reply in way {
      try order.accept(reply)
      if case .await = reply { order.gaveWord() }
    }
    return order
  }

  /// What may follow, written down apart from the code.
  private func mayFollow(_ frame: AgentReply, _ way: [AgentReply]) -> Bool {
    let hasGreeted = !way.isEmpty
    let hasAsked = way.contains { if case .await = $0 { true } else { false } }
    let rank: [Step] = [
      .recover, .preflight, .stage, .pre, .activate, .deploy, .verify, .revert, .redeploy, .recheck, .post,
    ]
    let told = way.compactMap { reply -> Int? in
      if case .step(let step, _, _, _, _) = reply { rank.firstIndex(of: step) } else { nil }
    }.last
    switch frame {
    case .hello(let version, _): return !hasGreeted && version == AgentScript.version
    case .end(.failedClean, _): return true
    case .found: return false
    case .more: return hasGreeted && told == nil && !way.contains(.more)
    case .end(let end, _): return hasGreeted && end != .unknownToken
    case .await: return hasGreeted && !hasAsked && (told.map { (4...6).contains($0) } ?? false)
    case .output:
      let since = way.drop { if case .begin(.deploy, _, _) = $0 { false } else { true } }
      let open = way.last.map { last in
        if case .begin = last { return true }
        if case .output = last { return true }
        return false
      }
      return (open ?? false) && !since.contains(frame)
    case .begin(let step, _, _), .step(let step, _, _, _, _):
      guard hasGreeted, let index = rank.firstIndex(of: step) else { return false }
      return told.map { index >= $0 } ?? (index <= 1) && (!hasAsked || index > 6)
    }
  }

  @Test func `in every state just the frames that can come next are taken`() throws {
    var (taken, refused) = (0, 0)
    for way in Self.ways {
      for frame in Self.frames {
        var order = try state(after: way)
        let isTaken = (try? order.accept(frame)) != nil
        #expect(isTaken == mayFollow(frame, way), "\(frame) after \(way)")
        if isTaken { taken += 1 } else { refused += 1 }
      }
    }
    #expect(taken > 50 && refused > 250, "\(taken), \(refused)")
  }

  @Test func `nothing comes after the end, nor before the word that was asked for`() throws {
    for end in Self.ends where end != .end(.unknownToken, text: "") {
      for frame in Self.frames {
        var order = try state(after: [Self.hello, end])
        #expect(throws: AgentReplyOrder.OutOfOrder.self) { try order.accept(frame) }
      }
    }
    for frame in Self.frames {
      var order = AgentReplyOrder(.visit, asksForWord: true)
      for reply in [Self.hello, Self.step(.preflight), Self.step(.activate), .await(seconds: 1)] {
        try order.accept(reply)
      }
      #expect(throws: AgentReplyOrder.OutOfOrder.self) { try order.accept(frame) }
    }
  }

  @Test(arguments: AgentReplyOrder.Exchange.allCases)
  func `what is no visit is told only what belongs to it`(_ exchange: AgentReplyOrder.Exchange) throws {
    guard exchange != .visit else { return }
    let allowed: [AgentReplyOrder.Exchange: [AgentReply]] = [
      .query: [.begin(.recover, nil, hook: nil), Self.step(.recover)] + Self.ends,
      .check: [.begin(.preflight, nil, hook: nil), Self.step(.preflight), Self.ends[0], Self.ends[3]],
      .task: [.output(.stdout, .empty), .output(.stderr, .empty), Self.ends[0], Self.ends[3]],
      .installation: [.await(seconds: 5), Self.ends[3]], .look: [Self.finding, Self.ends[0], Self.ends[3]],
      .discover: [Self.told, Self.ends[0], Self.ends[3]],
      .claim: [
        .begin(.recover, nil, hook: nil), Self.step(.recover), Self.finding, Self.ends[0], Self.ends[3],
      ],
    ]
    for frame in Self.frames {
      var order = AgentReplyOrder(exchange)
      if exchange != .installation { try order.accept(Self.hello) }
      let isTaken = (try? order.accept(frame)) != nil
      #expect(isTaken == allowed[exchange]?.contains(frame), "\(frame)")
    }
  }
}
