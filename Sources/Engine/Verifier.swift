import Fleet

/// Decides whether a host serves a certificate.
struct Verifier: Sendable {
  let host: Host
  let probe: any Probe

  /// How long a service may take to show a certificate after its reload.
  private static let patience = Duration.seconds(15)
  /// A server's old workers may answer for a moment longer: it has to be seen this often in a row.
  private static let sightings = 2

  /// How long the agent is to wait for the controller's word about this visit; zero when nothing is looked at.
  static func confirmTimeout(for visit: PlannedVisit) -> Duration {
    let checks = visit.certificates.reduce(0) { $0 + $1.verify.count }
    return checks == 0 ? .zero : .seconds(30) + patience * 2 * checks
  }

  func check(_ verification: Verification, serves expected: Fingerprint) async -> Outcome {
    let deadline = ContinuousClock.now + Self.patience
    var pause = Duration.milliseconds(50)
    var seen = 0
    while true {
      let outcome: Outcome
      do {
        let served = try await probe.served(by: host, at: verification)
        seen = served == expected ? seen + 1 : 0
        if seen == Self.sightings { return .succeeded }
        outcome = .failed("serves \(served.short), expected \(expected.short)")
      } catch {
        seen = 0
        outcome = .failed(error.reason)
      }
      guard ContinuousClock.now + pause < deadline else { return outcome }
      if seen == 0 {
        try? await Task.sleep(for: pause)
        pause = min(pause * 2, .seconds(1))
      }
    }
  }
}

extension Verification {
  /// For a person: where was asked and for which name.
  func place(on host: Host) -> String {
    let address = host.address.contains(":") ? "[\(host.address)]" : host.address
    return "tls://\(address):\(port) (\(serverName))"
  }
}
