import Agents
import Fleet

/// Listens to an agent: parses what comes, keeps what belongs to the next step, and loses patience.
///
/// Only a valid frame earns more patience, and never beyond what the whole visit may take: a host that prints junk
/// for ever, or step after step, does not hold a rollout.
struct Attention {
  private var parser: ReplyParser
  /// What has arrived and was not heard yet.
  private var waiting: ArraySlice<AgentReply> = []
  private let end: ContinuousClock.Instant
  private var patienceEnds: ContinuousClock.Instant
  private var framesLeft: Int
  private let isQuery: Bool
  /// A host knows a lineage by its declared name, and here it may be the host's own instance of it.
  private let instances: [Lineage.Name: Lineage.Name]
  private var stepStarted = ContinuousClock.now
  private var stdout = CapturedOutput.empty
  private var stderr = CapturedOutput.empty
  private(set) var hasStarted = false
  /// The end of what came on the shell's own stderr, for when the agent never starts.
  private(set) var complaint = ""

  /// How long the agent may be silent between two frames, beside what its hook may take.
  private static let patience = Duration.seconds(60)
  /// How long it may take until it says anything: a login that hangs is not waited for as long as a hook.
  private static let patienceForHello = Duration.seconds(30)
  /// What the programs of hook directories may take together, beyond what is known of them.
  private static let folders = Duration.seconds(600)
  private static let mostInFolder = 200

  init(nonce: String, visit: PlannedVisit, isQuery: Bool) {
    parser = ReplyParser(nonce: nonce)
    instances = Dictionary(
      visit.certificates.map { ($0.lineage.declared, $0.lineage) }, uniquingKeysWith: { first, _ in first })
    // Each hook twice, as itself and in the rollback or a recovery, with begin, two streams and its step; and six
    // steps for each certificate. How many programs are in a folder only the host knows.
    let folders = visit.certificates.reduce(0) { $0 + $1.hooks.directories.count }
    framesLeft =
      100 + AgentHooks(visit).all.count * 16 + visit.certificates.count * (24 + folders * Self.mostInFolder)
    // A recovery of an earlier visit may come first; its hooks are taken to be like these.
    end = .now + Self.longestVisit(visit) * 2 + Self.patience
    self.isQuery = isQuery
    patienceEnds = .now + Self.patienceForHello
  }

  /// What a visit may take when everything in it takes its whole time and is rolled back.
  static func longestVisit(_ visit: PlannedVisit) -> Duration {
    let waiting = AgentHooks(visit).all.reduce(Duration.zero) { total, entry in
      total + (entry.hook.timeout + .seconds(10))
        * (entry.moment == .deploy || entry.moment == .verify ? 2 : 1)
    }
    let folders = visit.certificates.contains { !$0.hooks.directories.isEmpty } ? Self.folders : .zero
    return waiting + folders + Verifier.confirmTimeout(for: visit) + patience
  }

  enum Sound {
    case reply(AgentReply)
    case ended(status: Int)
    case lost(String)
  }

  /// One reply after another, however they arrive: what a hook said belongs to the step that follows it.
  mutating func hear(_ conversation: any Conversation) async -> Sound {
    do {
      while waiting.isEmpty {
        let left = min(patienceEnds, end) - .now
        guard left > .zero else { return .lost("the agent did not go on in time") }
        switch try await conversation.receive(within: left) {
        case .ended(let status): return .ended(status: status)
        case .stderr(let bytes):
          complaint = String((complaint + String(decoding: bytes, as: UTF8.self)).suffix(2000))
        case .stdout(let bytes): waiting += try parser.consume(bytes)
        }
      }
    } catch let lost as ConnectionLost {
      return .lost(lost.reason)
    } catch { return .lost("\(error)") }
    framesLeft -= 1
    guard framesLeft >= 0 else { return .lost("the agent said more than a visit can hold") }
    let reply = waiting.removeFirst()
    take(reply)
    return .reply(reply)
  }

  private mutating func take(_ reply: AgentReply) {
    // What is asked about may still be under way there, and ends by its own deadlines.
    patienceEnds = isQuery ? end : .now + Self.patience
    switch reply {
    case .hello: hasStarted = true
    case .begin(_, _, _, let limit):
      stepStarted = .now
      if !isQuery { patienceEnds += limit }
    case .output(.stdout, let output): stdout = output
    case .output(.stderr, let output): stderr = output
    case .step, .await, .end: break
    }
  }

  /// The step that has just been told, with its streams and how long it took.
  mutating func result(_ step: Step, _ lineage: Lineage.Name?, _ outcome: Outcome, detail: String)
    -> StepResult
  {
    defer { (stdout, stderr) = (.empty, .empty) }
    return StepResult(
      step: step, lineage: lineage.map { instances[$0] ?? $0 }, outcome: outcome, detail: detail,
      duration: .now - stepStarted,
      stdout: stdout, stderr: stderr)
  }
}
