package import Fleet

/// An event as a line for a person.
package enum EventLine {
  /// For `log`: when, where, what, how it went; the output of what failed follows, indented.
  package static func log(_ event: Event, withOutput: Bool) -> String {
    "\(event.at.stamp)  \(place(event.subject))\(words(event.kind))\n" + output(of: event, always: withOutput)
  }

  /// What the hook of a step has said, where it failed, or always.
  static func output(of event: Event, always: Bool, margin: String = "    ") -> String {
    guard case .step(let result) = event.kind, always || !result.outcome.isSuccess else { return "" }
    return lines(of: result.stdout, margin + "stdout| ") + lines(of: result.stderr, margin + "stderr| ")
  }

  /// For progress, of what happens beside rollouts: `nil` for what only the log needs.
  package static func progress(_ event: Event) -> String? {
    guard case .note = event.kind else { return nil }
    return (event.subject.host.map { "\($0): " } ?? "") + words(event.kind)
  }

  /// What happened, without when and where.
  static func words(_ event: Event) -> String { words(event.kind) }

  private static func place(_ subject: Event.Subject) -> String {
    var parts: [String] = []
    if let rollout = subject.rollout { parts.append("rollout \(rollout)") }
    if let wave = subject.wave { parts.append("wave \(wave)") }
    if let host = subject.host { parts.append(host.rawValue) }
    if let attempt = subject.attempt, attempt > 1 { parts.append("attempt \(attempt)") }
    if subject.host == nil, let lineage = subject.lineage { parts.append(lineage.rawValue) }
    return parts.isEmpty ? "" : parts.joined(separator: "  ") + "  "
  }

  private static func words(_ kind: Event.Kind) -> String {
    switch kind {
    case .rolloutStarted: "started"
    case .rolloutMoved(let state, let reason), .rolloutEnded(let state, let reason):
      state.words + suffix(reason)
    case .waveStarted(let hosts): "started, \(hosts) host\(hosts == 1 ? "" : "s")"
    case .waveMoved(let state, let reason), .waveEnded(let state, let reason):
      state.words + suffix(reason)
    case .visitStarted: "visit begins"
    case .revertStarted: "is taken back"
    case .instructed(let instruction, let author, let why):
      "\(instruction.word) by \(author.visible)" + suffix(why)
    case .visitEnded(let end, let reason): end.words + suffix(reason)
    case .note(let note, let text): "\(note.rawValue.replacing("_", with: " ")): \(text.visible)"
    case .step(let result): words(result)
    }
  }

  /// Why a step failed, in few words.
  static func words(_ outcome: Outcome, of result: StepResult) -> String {
    let why = result.whyItFailed
    return "\(outcome)" + (why.isEmpty ? "" : ": \(why)")
  }

  private static func words(_ result: StepResult) -> String {
    let what = result.lineage.map { " \($0)" } ?? ""
    let detail = result.detail.isEmpty ? "" : "  [\(result.detail.visible.shortened(to: 100))]"
    let words =
      result.outcome.isSuccess || result.whyItFailed.isEmpty ? "" : ": \(result.whyItFailed)"
    return "\(result.step.rawValue)\(what): \(result.outcome)\(words) (\(result.duration.short))\(detail)"
  }

  private static func suffix(_ reason: String) -> String { reason.isEmpty ? "" : ": " + reason.visible }

  private static func lines(of output: CapturedOutput, _ margin: String) -> String {
    guard output.totalBytes > 0 else { return "" }
    return output.text.split(separator: "\n").map { "\(margin)\(String($0).visible)\n" }.joined()
  }
}
