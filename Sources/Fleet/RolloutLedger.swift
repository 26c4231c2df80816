package import FoundationEssentials

/// What a rollout's events add up to: where it, its waves and its visits stand. An event that may not follow what
/// came before is refused.
package struct RolloutLedger: Hashable, Sendable {
  package var state: RolloutState
  /// Why it is in this state, for a person.
  package var reason: String
  package var waves: [Wave]
  /// Hosts that were begun.
  package var visits: [Host.Name: Visit]

  package struct Wave: Hashable, Sendable {
    package var state: WaveState
    package var reason: String
    /// When it came into its state.
    package var since: Date?

    package init(state: WaveState = .pending, reason: String = "", since: Date? = nil) {
      self.state = state
      self.reason = reason
      self.since = since
    }
  }

  package struct Visit: Hashable, Sendable {
    /// From 1.
    package var wave: Int
    package var attempt: Int
    package var token: VisitToken
    /// Whether it takes the host back.
    package var isRevert: Bool
    /// `nil` while it is open.
    package var end: VisitEnd?
    package var reason: String
    /// The step that was told last; `nil` where none was, or nobody asked.
    package var step: Step?

    package init(
      wave: Int, attempt: Int, token: VisitToken, isRevert: Bool = false, end: VisitEnd? = nil,
      reason: String = "", step: Step? = nil
    ) {
      self.wave = wave
      self.attempt = attempt
      self.token = token
      self.isRevert = isRevert
      self.end = end
      self.reason = reason
      self.step = step
    }
  }

  package init(waves: Int) {
    state = .planned
    reason = ""
    self.waves = Array(repeating: Wave(), count: waves)
    visits = [:]
  }

  package func end(of host: Host.Name) -> VisitEnd? { visits[host]?.end }

  /// The hosts of a wave: those that were planned for it, without those that an earlier one has taken, and those that it has taken
  /// itself.
  package func members(of wave: Int, in plan: Plan) -> [PlannedVisit] {
    plan.waves.enumerated().flatMap { index, planned in
      planned.visits.filter { (visits[$0.host.name]?.wave ?? index + 1) == wave }
    }
  }

  /// An event that cannot be: a defect of whoever recorded it.
  package struct Refused: Error, Hashable, CustomStringConvertible {
    package let description: String
  }

  package mutating func apply(_ event: Event) throws(Refused) {
    switch event.kind {
    case .rolloutStarted: try move(to: .running, "")
    case .rolloutMoved(let state, let reason), .rolloutEnded(let state, let reason):
      try move(to: state, reason)
    case .waveStarted: try moveWave(event, to: .running, "")
    case .waveMoved(let state, let reason), .waveEnded(let state, let reason):
      try moveWave(event, to: state, reason)
    case .visitStarted(let token): try begin(event, token, isRevert: false)
    case .revertStarted(let token): try begin(event, token, isRevert: true)
    case .visitEnded(let end, let reason): try conclude(event, end, reason)
    case .step(let result): try take(result, event)
    case .instructed, .note: break
    }
  }

  private mutating func take(_ result: StepResult, _ event: Event) throws(Refused) {
    guard let host = event.subject.host else { return }
    guard let visit = visits[host], visit.end == nil || visit.end == .unknown || result.step == .reverify
    else {
      throw Refused(
        description: "\(host) is not being visited, and cannot have done '\(result.step.rawValue)'")
    }
    visits[host]?.step = result.step
  }

  private mutating func move(to next: RolloutState, _ reason: String) throws(Refused) {
    guard state.following.contains(next) else {
      throw Refused(description: "a rollout that is \(state.words) cannot become \(next.words)")
    }
    (state, self.reason) = (next, reason)
  }

  private mutating func moveWave(_ event: Event, to next: WaveState, _ reason: String) throws(Refused) {
    guard let number = event.subject.wave, waves.indices.contains(number - 1) else {
      throw Refused(description: "there is no wave \(event.subject.wave ?? 0)")
    }
    let (index, wave) = (number - 1, waves[number - 1])
    guard wave.state.following.contains(next) else {
      throw Refused(
        description: "wave \(number) is \(wave.state.words) and cannot become \(next.words)")
    }
    if next == .running, waves[..<index].contains(where: { $0.state != .passed }) {
      throw Refused(description: "wave \(number) cannot begin before those before it have passed")
    }
    guard state == (next == .reverting || wave.state == .reverting ? .rollingBack : .running) else {
      throw Refused(
        description: "wave \(number) cannot become \(next.words) while the rollout is \(state.words)")
    }
    waves[index] = Wave(state: next, reason: reason, since: event.at)
  }

  private mutating func begin(
    _ event: Event, _ token: VisitToken, isRevert: Bool
  ) throws(Refused) {
    guard let host = event.subject.host, let wave = event.subject.wave, waves.indices.contains(wave - 1)
    else {
      throw Refused(description: "a visit belongs to a host of a wave")
    }
    let stateOfWave = waves[wave - 1].state
    let isTime =
      isRevert ? stateOfWave == .reverting || stateOfWave == .verifying : stateOfWave == .running
    guard isTime else {
      throw Refused(description: "\(host) cannot be begun while wave \(wave) is \(stateOfWave.words)")
    }
    let (earlier, attempt) = (visits[host], event.subject.attempt ?? 1)
    if let earlier {
      guard earlier.end != nil else {
        throw Refused(description: "\(host) is being visited and cannot be begun twice")
      }
      guard attempt > earlier.attempt else {
        throw Refused(description: "\(host) has had attempt \(earlier.attempt) already")
      }
      guard isRevert || earlier.end?.account != .success else {
        throw Refused(description: "\(host) has what it should have and cannot be begun again")
      }
    } else if isRevert {
      throw Refused(description: "\(host) was not begun and cannot go back")
    }
    visits[host] = Visit(wave: wave, attempt: attempt, token: token, isRevert: isRevert)
  }

  private mutating func conclude(_ event: Event, _ end: VisitEnd, _ reason: String) throws(Refused) {
    guard let host = event.subject.host, var visit = visits[host] else {
      throw Refused(description: "\(event.subject.host?.rawValue ?? "a host") was not begun and cannot end")
    }
    // One that ended well is judged anew when its wave is looked at again.
    let isJudgedAnew = visit.end?.account == .success && waves[visit.wave - 1].state == .verifying
    guard visit.end == nil || visit.end == .unknown || isJudgedAnew else {
      throw Refused(description: "\(host) has ended already: \(visit.end?.words ?? "")")
    }
    (visit.end, visit.reason) = (end, reason)
    visits[host] = visit
  }
}
