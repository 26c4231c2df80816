extension StepResult {
  /// Of what a hook has printed, the lines that say why it failed; empty where it has printed nothing.
  package var whyItFailed: String {
    let lines = stderr.tellingLines.isEmpty ? stdout.tellingLines : stderr.tellingLines
    return lines.joined(separator: " | ").shortened(to: 300)
  }
}

extension CapturedOutput {
  /// Programs say in one line what is wrong and in the next that something was. These words are in the first kind, in the order of
  /// their weight; a line that only sums up is not taken for one.
  private static let telling = [
    "[emerg]", "[alert]", "[crit]", "syntax error", "fatal", "error", "cannot", "can't", "denied", "no such",
    "not found", "unable", "invalid",
    "failed to", "refused",
  ]
  private static let summaries = [
    "test failed", "test is successful", "fatal errors found", "error(s) found", "see \"systemctl status",
    "see 'systemctl status", "for details", "journalctl",
  ]
  private static let most = 2
  private static let fallback = 3

  /// At most two lines that say why; else the last three.
  fileprivate var tellingLines: [String] {
    let lines = text.split(whereSeparator: \.isNewline).map { String($0).visible.trimmed }.filter {
      !$0.isEmpty
    }
    let candidates = lines.filter { line in
      let lower = line.lowercased()
      return !Self.summaries.contains { lower.contains($0) }
    }
    for word in Self.telling {
      let found = candidates.filter { $0.lowercased().contains(word) }
      if !found.isEmpty { return Array(found.prefix(Self.most)) }
    }
    return Array((candidates.isEmpty ? lines : candidates).suffix(Self.fallback))
  }
}
