/// What a person says to a rollout, from whichever terminal.
package enum Instruction: Hashable, Sendable {
  /// A wave may go; bound to the plan that the person saw.
  case approve(wave: Int, planHash: String)
  case pause
  case resume
  case cancel
  /// It may go outside its window.
  case startNow

  package var word: String {
    switch self {
    case .approve(let wave, _): "wave \(wave) approved"
    case .pause: "pause asked for"
    case .resume: "resume asked for"
    case .cancel: "cancel asked for"
    case .startNow: "start outside the window asked for"
    }
  }
}

/// What all that was said to a rollout adds up to.
package struct OperatorInstructions: Hashable, Sendable {
  /// By number, from 1.
  package var approvedWaves: Set<Int> = []
  /// Who wants it to wait, and why; `nil` when nobody does.
  package var pausedBy: String?
  /// Who ended it, and why.
  package var cancelledBy: String?
  /// Who lets it go outside its window, and why.
  package var startedNowBy: String?

  package init() {}

  /// - Parameter author: who said it, and why, as a person reads it.
  package mutating func take(_ instruction: Instruction, from author: String) {
    switch instruction {
    case .approve(let wave, _): approvedWaves.insert(wave)
    case .pause: pausedBy = author
    case .resume: pausedBy = nil
    case .cancel: cancelledBy = author
    case .startNow: startedNowBy = author
    }
  }
}
