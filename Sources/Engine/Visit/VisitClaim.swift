import Agents
import Fleet

/// What a host has told of a visit, for judging what it says of the end.
///
/// That a visit went well is the controller's word: every step that it asked for was told and succeeded, and every look that is
/// declared for the controller was made and showed the certificate.
struct VisitClaim {
  private let visit: PlannedVisit
  private let hooks: AgentHooks
  private let needsWord: Bool
  private var isPrepared = false
  private var staged: Set<Lineage.Name> = []
  private var activated: Set<Lineage.Name> = []
  private var run: Set<Int> = []
  /// Why the visit took the way it took: the first step that failed, with its own last words.
  private(set) var firstFailure: String?
  private var failedStep: Step?
  var word: AgentRequest.Word?
  /// Why the host keeps what it was given though another certificate is served: what was served before is served still.
  var placed: String?
  /// Why nobody could find out whether the host serves what it should.
  var doubt: String?

  init(_ visit: PlannedVisit) {
    self.visit = visit
    hooks = AgentHooks(visit)
    needsWord = Verifier.confirmTimeout(for: visit) > .zero
  }

  mutating func take(_ result: StepResult, hook: Int?) {
    // An earlier visit's, which was mended first.
    guard result.step != .recover else { return }
    guard result.outcome.isSuccess else {
      if firstFailure == nil {
        failedStep = result.step
        firstFailure = [result.outcome.description, result.whyItFailed].filter { !$0.isEmpty }
          .joined(separator: ": ")
      }
      // It has had its turn; what its failure means is seen at the end.
      if let hook { run.insert(hook) }
      return
    }
    switch result.step {
    case .preflight: isPrepared = true
    case .stage: if let lineage = result.lineage { staged.insert(lineage) }
    case .activate: if let lineage = result.lineage { activated.insert(lineage) }
    case .pre, .deploy, .verify, .post: if let hook { run.insert(hook) }
    case .connect, .recover, .revert, .redeploy, .recheck, .reverify: break
    }
  }

  /// Why the host's claim that all went well is not believed; `nil` where it is.
  ///
  /// - Parameter isDegraded: whether it says so of all but a hook that may fail.
  func contradiction(isDegraded: Bool) -> String? {
    if let firstFailure, let failedStep, !isDegraded {
      return "\(failedStep.rawValue) failed: \(firstFailure)"
    }
    let lineages = visit.certificates.map(\.lineage)
    guard isPrepared else { return "it never told of its preflight" }
    if let missing = lineages.first(where: { !staged.contains($0) }) {
      return "it never told that it staged \(missing)"
    }
    if let missing = lineages.first(where: { !activated.contains($0) }) {
      return "it never told that it activated \(missing)"
    }
    // A program of a folder may be the very hook that is declared beside it, and runs once.
    let hasFolders = visit.certificates.contains { !$0.hooks.directories.isEmpty }
    if !hasFolders, let missing = hooks.all.first(where: { !run.contains($0.index) }) {
      return
        "it never told of its \(missing.moment.rawValue) hook '\(missing.words.visible.shortened(to: 80))'"
    }
    guard needsWord else { return nil }
    switch word {
    case .commit: return nil
    case .revert(let reason): return "it was told to go back: \(reason)"
    case nil: return "it never asked what it serves now"
    }
  }
}
