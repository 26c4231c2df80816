package import Fleet

/// A visit as whoever carries it out needs to know it: the controller that carries the rollout out, or another one.
package struct VisitAssignment: Hashable, Sendable, Codable {
  package let planned: PlannedVisit
  package let rollout: Rollout.ID
  /// From 1.
  package let wave: Int
  package let attempt: Int
  package let staysAsItIs: Bool
  package let work: Work
  /// Of the visit that is asked about.
  package let token: VisitToken?

  /// What is done on the host.
  package enum Work: String, Hashable, Sendable, Codable {
    case visit
    case takeBack = "take_back"
    /// To learn how a visit ended that was lost sight of, in a rollout that goes on.
    case resolve, resolveRevert = "resolve_revert"
    /// The same in one that does not.
    case learn, learnRevert = "learn_revert"
    /// After a bake: whether it still serves what it was given. Of the attempt before this one.
    case lookAgain = "look_again"
  }

  private enum CodingKeys: String, CodingKey {
    case planned, rollout, wave, attempt, work, token
    case staysAsItIs = "stays_as_it_is"
  }

  init(_ visit: Visit, _ work: Work, token: VisitToken? = nil) {
    (planned, rollout, wave, attempt) = (visit.planned, visit.rollout, visit.wave, visit.attempt)
    (staysAsItIs, self.work, self.token) = (visit.staysAsItIs, work, token)
  }

  private init(_ other: VisitAssignment, _ work: Work, token: VisitToken) {
    (planned, rollout, wave, attempt) = (other.planned, other.rollout, other.wave, other.attempt)
    (staysAsItIs, self.work, self.token) = (other.staysAsItIs, work, token)
  }

  package var host: Host { planned.host }

  /// The same after whoever had it was lost, with the visit begun: its host is asked first.
  package func resolving(_ token: VisitToken, isRevert: Bool) -> VisitAssignment {
    switch work {
    case .visit, .takeBack: VisitAssignment(self, isRevert ? .resolveRevert : .resolve, token: token)
    case .resolve, .resolveRevert, .learn, .learnRevert, .lookAgain: self
    }
  }

  /// - Throws: when the recorder cannot keep what happened.
  package func carryOut(_ ports: Ports) async throws -> VisitEnd {
    let visit = Visit(
      planned: planned, rollout: rollout, wave: wave, attempt: attempt, staysAsItIs: staysAsItIs, ports: ports
    )
    switch work {
    case .visit: return try await visit.run()
    case .takeBack: return try await visit.takeBack()
    case .resolve, .resolveRevert:
      var ending = try await answer(about: visit).ending(afterLosing: "the controller was interrupted")
      // One that this kept from succeeding is done again, as its next attempt.
      if [.rolledBack, .failedClean, .unreachable, .refused, .deferred].contains(ending.end) {
        ending = Visit.Ending(end: .interrupted, reason: ending.reason)
      }
      return try await visit.end(ending, isRevert: work == .resolveRevert)
    case .learn, .learnRevert:
      let ending = try await answer(about: visit).ending(afterLosing: "the controller lost sight of it")
      return try await visit.end(ending, isRevert: work == .learnRevert)
    case .lookAgain: return try await visit.earlier.lookAgain().isSuccess ? .ok : .inconclusive
    }
  }

  /// Whether it ends with an event that says so.
  package var endsVisit: Bool { work != .lookAgain }

  private func answer(about visit: Visit) async throws -> VisitQuery.Answer {
    guard let token else { return .neverBegan }
    return try await VisitQuery(visit: visit, token: token).ask()
  }

  /// Ends it where nobody can carry it out.
  package func refuse(_ ports: Ports, because reason: String) async throws -> VisitEnd {
    let visit = Visit(
      planned: planned, rollout: rollout, wave: wave, attempt: attempt, staysAsItIs: staysAsItIs, ports: ports
    )
    switch work {
    case .visit: try await visit.record(.visitStarted(VisitToken(Nonce.make())))
    case .takeBack: try await visit.record(.revertStarted(VisitToken(Nonce.make())))
    case .resolve, .resolveRevert, .learn, .learnRevert:
      return try await visit.end(Visit.Ending(end: .unknown, reason: reason), isRevert: isRevert)
    case .lookAgain:
      try await visit.earlier.record(step: .reverify, .inconclusive(reason), since: .now)
      return .inconclusive
    }
    return try await visit.end(Visit.Ending(end: .unreachable, reason: reason), isRevert: isRevert)
  }

  private var isRevert: Bool {
    switch work {
    case .visit, .resolve, .learn, .lookAgain: false
    case .takeBack, .resolveRevert, .learnRevert: true
    }
  }
}

/// Gives visits to whoever carries them out.
package protocol VisitCarrier: Sendable {
  /// Returns when it has ended, and the recorder's ledger says so.
  ///
  /// - Returns: `nil` where it was not begun, as something asked for a stop.
  func carryOut(_ assignment: VisitAssignment) async throws -> VisitEnd?

  /// What was recorded of a look after a bake.
  func verdict(of assignment: VisitAssignment) async throws -> Outcome
}

extension Ports {
  /// Whether a host still serves what it was given, asked by who reaches it.
  func lookAgain(_ visit: Visit) async throws -> Outcome {
    guard let carrier, visit.host.site != nil, visit.isLookedAt else {
      return try await visit.earlier.lookAgain()
    }
    let assignment = VisitAssignment(visit, .lookAgain)
    guard try await carrier.carryOut(assignment) != nil else {
      return .inconclusive("nobody has looked: a stop was asked for")
    }
    return try await carrier.verdict(of: assignment)
  }

  /// By this controller, where there is no other.
  func carryOut(_ assignment: VisitAssignment) async throws -> VisitEnd? {
    guard let carrier else { return try await assignment.carryOut(self) }
    return try await carrier.carryOut(assignment)
  }
}
