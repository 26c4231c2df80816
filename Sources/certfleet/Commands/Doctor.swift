import Controller
import Reporting

extension Command {
  static let doctor = Command(
    words: ["doctor"],
    summary:
      "look for what is in the way of certificates, or will be, and say what mends it; changes nothing",
    options: [.json]
  ) { invocation in
    let findings = try await invocation.controller().examine()
    try invocation.show(findings)
    return findings.contains { $0.severity == .problem } ? .failed : .converged
  }
}
