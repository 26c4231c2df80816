import Fleet

/// Decides from the controller whether a host serves a certificate.
struct Verifier: Sendable {
  let visit: Visit

  private var host: Host { visit.host }

  /// How long a service may take to show a certificate after its reload.
  private static let patience = Duration.seconds(15)
  /// A server's old workers may answer for a moment longer: it has to be seen this often in a row.
  private static let sightings = 5
  /// Once the other one was seen in between: an old process that stays may answer half of all connections.
  private static let sightingsInDoubt = 12
  private static let pauseBetween = Duration.milliseconds(100)

  /// How long the agent is to wait for the controller's word about this visit; zero when nothing is looked at.
  static func confirmTimeout(for visit: PlannedVisit) -> Duration {
    let checks = visit.certificates.flatMap(\.verify).filter { $0.place == .controller }
    guard !checks.isEmpty else { return .zero }
    return checks.reduce(.seconds(30)) { total, check in
      switch check.question {
      case .tls: total + patience * 2
      case .command(_, let timeout): total + timeout + .seconds(10)
      }
    }
  }

  /// What there is to look at from here.
  static func checks(of certificate: PlannedCertificate) -> [Verification] {
    certificate.verify.filter { $0.place == .controller }
  }

  /// What a look has shown.
  struct Sighting: Sendable {
    var outcome: Outcome
    /// The certificate that was served last, where it is not the one that should be.
    var other: ServedLeaf?
  }

  /// What each endpoint of the certificates that the host has never had serves now. One that does not answer is left out.
  func servedBefore() async -> [TLSQuestion: ServedLeaf] {
    var served: [TLSQuestion: ServedLeaf] = [:]
    for certificate in visit.planned.certificates where certificate.replaces == nil && !certificate.isRetired
    {
      for check in Self.checks(of: certificate) {
        guard case .tls(let question) = check.question, served[question] == nil else { continue }
        served[question] = try? await visit.ports.probe.served(by: host, at: question)
      }
    }
    return served
  }

  /// Looks, and records as `step` what was seen.
  ///
  /// - Parameter expected: what is to be served: the new certificate, or after a revert the old one.
  func check(
    _ verification: Verification, of certificate: PlannedCertificate, serves expected: Fingerprint,
    as step: Step
  ) async throws -> Sighting {
    let started = ContinuousClock.now
    var result: LocalHookResult
    var other: ServedLeaf?
    switch verification.question {
    case .tls(let question):
      let seen = try await look(
        question, for: expected, isThere: !certificate.isRetired || certificate.isGivenBack)
      (result, other) = (LocalHookResult(outcome: seen.outcome), seen.other)
    case .command(let command, let timeout):
      result = await visit.ports.localHooks.run(
        command, environment: environment(certificate, serves: expected), timeout: timeout)
      // POSIX XCU 2.8.2: 126 and 127 are a command that could not be run.
      if case .exited(126...127) = result.outcome {
        result = LocalHookResult(
          outcome: .inconclusive("the controller cannot run it (\(result.outcome))"), stdout: result.stdout,
          stderr: result.stderr)
      }
    }
    try await visit.record(
      .step(
        StepResult(
          step: step, lineage: certificate.lineage, outcome: result.outcome,
          detail: verification.place(on: host), duration: .now - started, stdout: result.stdout,
          stderr: result.stderr)), lineage: certificate.lineage)
    return Sighting(outcome: result.outcome, other: other)
  }

  private func environment(
    _ certificate: PlannedCertificate, serves expected: Fingerprint
  ) -> [String: String] {
    [
      "CERTFLEET_HOST": host.name.rawValue, "CERTFLEET_ADDRESS": host.address,
      "CERTFLEET_ROLLOUT": "\(visit.rollout)", "CERTFLEET_WAVE": "\(visit.wave)",
      "CERTFLEET_ACTION": expected == certificate.fingerprint ? "deploy" : "rollback",
      "CERTFLEET_FINGERPRINT": expected.rawValue,
      "RENEWED_DOMAINS": certificate.domains.joined(separator: " "),
    ]
  }

  /// - Parameter isThere: whether it is to be served, or not any more.
  private func look(
    _ question: TLSQuestion, for expected: Fingerprint, isThere: Bool
  ) async throws(CancellationError) -> Sighting {
    let time = visit.ports.time
    let deadline = time.uptime + Self.patience
    var pause = Duration.milliseconds(50)
    var (seen, isInDoubt) = (0, false)
    while true {
      let outcome: Outcome
      var other: ServedLeaf?
      do {
        let served = try await visit.ports.probe.served(by: host, at: question, expecting: expected)
        if (served.fingerprint == expected) == isThere {
          seen += 1
          if seen == (isInDoubt ? Self.sightingsInDoubt : Self.sightings) {
            return Sighting(outcome: .succeeded)
          }
          outcome = .failed("serves now one certificate and now another; is an old process still running?")
        } else {
          isInDoubt = isInDoubt || seen > 0
          seen = 0
          other = served
          outcome = .failed(
            isThere
              ? "serves \(served.words) (\(served.fingerprint.short)), expected \(expected.short)"
              : "still serves \(served.words) (\(served.fingerprint.short)), which is to be taken away; point the service elsewhere first"
          )
        }
      } catch {
        // Whoever does not answer serves it to nobody.
        guard isThere || error.isOurs else { return Sighting(outcome: .succeeded) }
        seen = 0
        outcome = error.isOurs ? .inconclusive(error.reason) : .failed(error.reason)
      }
      guard time.uptime + pause < deadline else { return Sighting(outcome: outcome, other: other) }
      try await time.pause(for: seen > 0 ? Self.pauseBetween : pause)
      if seen == 0 { pause = min(pause * 2, .seconds(1)) }
    }
  }
}

extension Verification {
  /// For a person: what is asked, where, and for which name.
  func place(on host: Host) -> String {
    switch question {
    case .command(let command, _): return command.visible.shortened(to: 400)
    case .tls(let tls):
      let address = tls.address ?? host.address
      let shown = address.contains(":") ? "[\(address)]" : address
      return "\(tls.startTLS?.rawValue ?? "tls")://\(shown):\(tls.port) (\(tls.serverName))"
    }
  }
}
