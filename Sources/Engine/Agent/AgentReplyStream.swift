import Agents
import Fleet

/// What an agent says, one reply after another: the one place where anything is collected from a host.
///
/// It is bounded in every way that a host could make it grow or wait: bytes that are no frame, frames, time between two of them
/// and time in all. How long a hook may take is known here, and never what the host says of it. What cannot come next ends it.
struct AgentReplyStream {
  /// Of the request that is answered.
  let nonce: String
  private var parser: ReplyParser
  private var order: AgentReplyOrder
  private let limits: Limits
  /// What has arrived and was not read yet.
  private var waiting: ArraySlice<AgentReply> = []
  private let end: ContinuousClock.Instant
  private var patienceEnds: ContinuousClock.Instant
  private var framesLeft: Int
  private var stderrBytes = 0
  /// A host knows a lineage by its declared name, and here it may be the host's own instance of it.
  private let instances: [Lineage.Name: Lineage.Name]
  private var stepStarted = ContinuousClock.now
  private var stdout = CapturedOutput.empty
  private var stderr = CapturedOutput.empty
  private(set) var hasStarted = false
  /// The end of what came on the shell's own stderr, for when the agent never starts.
  private(set) var complaint = ""

  /// What a host may make the controller take and wait for.
  struct Limits: Sendable {
    /// In all.
    var time: Duration
    /// Between two frames, beside what a hook may take; `nil` is as long as the whole.
    var silence: Duration?
    var frames: Int
    /// What a hook may take, as it was asked for.
    var hooks: AgentHooks? = nil

    /// Until the host says anything: a login that hangs is not waited for as long as a hook.
    static let greeting = Duration.seconds(30)
    /// Start-up files and banners say something, too.
    static let noise = 1 << 20
  }

  init(
    nonce: String, order: AgentReplyOrder, limits: Limits, instances: [Lineage.Name: Lineage.Name] = [:]
  ) {
    self.nonce = nonce
    parser = ReplyParser(nonce: nonce)
    self.order = order
    self.limits = limits
    self.instances = instances
    framesLeft = limits.frames
    end = .now + limits.time
    patienceEnds = .now + min(Limits.greeting, limits.silence ?? limits.time)
  }

  enum Next: Sendable {
    case reply(AgentReply)
    case ended(status: Int)
    case lost(String)
    /// The host runs no command.
    case refused(String)
  }

  /// One reply after another, however they arrive: what a hook said belongs to the step that follows it.
  mutating func next(from channel: any CommandChannel) async -> Next {
    do {
      while waiting.isEmpty {
        let left = min(patienceEnds, end) - .now
        guard left > .zero else { return .lost("the agent did not go on in time") }
        switch try await channel.receive(within: left) {
        case .ended(let status): return .ended(status: status)
        case .stderr(let bytes):
          stderrBytes += bytes.count
          complaint = String((complaint + String(decoding: bytes, as: UTF8.self)).suffix(2000))
        case .stdout(let bytes): waiting += try parser.consume(bytes)
        }
        guard max(parser.skipped, stderrBytes) <= Limits.noise else {
          return .lost("the host said more than \(Limits.noise >> 20) MiB that is no answer of the agent's")
        }
      }
      framesLeft -= 1
      guard framesLeft >= 0 else { return .lost("the agent said more than this can hold") }
      let reply = waiting.removeFirst()
      try order.accept(reply)
      take(reply)
      return .reply(reply)
    } catch let lost as ConnectionLost {
      return lost.isNothingDone ? .refused(lost.reason) : .lost(lost.reason)
    } catch { return .lost("\(error)") }
  }

  mutating func gaveWord() {
    order.gaveWord()
    patienceEnds = .now + (limits.silence ?? limits.time)
  }

  private mutating func take(_ reply: AgentReply) {
    patienceEnds = .now + (limits.silence ?? limits.time)
    switch reply {
    case .hello: hasStarted = true
    case .begin(let step, _, let hook):
      stepStarted = .now
      patienceEnds += limits.hooks?.longest(step, hook) ?? .zero
    case .output(.stdout, let output): stdout = output
    case .output(.stderr, let output): stderr = output
    case .step, .await, .end, .found, .more: break
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

extension AgentHooks {
  /// What a step may take beyond what the agent itself needs.
  fileprivate func longest(_ step: Step, _ index: Int?) -> Duration {
    // An earlier visit's hooks are taken to be like these; its indices mean nothing here.
    if step == .recover {
      return all.map(\.hook.timeout).max().map { max($0, Hook.standardTimeout) } ?? Hook.standardTimeout
    }
    if let index { return self[index]?.hook.timeout ?? .zero }
    // A program in a folder of hooks.
    return step.runsHooks ? Hook.standardTimeout : .zero
  }
}

extension Step {
  fileprivate var runsHooks: Bool {
    switch self {
    case .pre, .deploy, .redeploy, .post, .recover: true
    case .connect, .preflight, .stage, .activate, .verify, .revert, .recheck, .reverify: false
    }
  }
}
