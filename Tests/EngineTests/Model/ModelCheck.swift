import Fleet
import Foundation
import Planning
import struct Fleet.Host

/// What must be true of a rollout, looked for in what was recorded of it and in what the hosts have.
struct ModelCheck {
  let id: Rollout.ID
  let plan: Plan
  private(set) var faults: [String] = []

  init(id: Rollout.ID, plan: Plan) {
    self.id = id
    self.plan = plan
  }

  mutating func look(at events: [Event], stored: RolloutLedger, _ world: ModelWorld) {
    faults += world.with { $0.faults }
    if !stored.state.isEnd { faults.append("it did not end: it is \(stored.state.words): \(stored.reason)") }
    replay(events, stored)
    wavesInOrder(events)
    places(events)
    budgets(events)
    limits(events)
    hooks(world.with { $0.hooks })
    hosts(stored, world.with { $0.hosts })
  }

  /// Events replay to the stored state.
  private mutating func replay(_ events: [Event], _ stored: RolloutLedger) {
    var replayed = RolloutLedger(waves: plan.waves.count)
    do {
      for event in events { try replayed.apply(event) }
    } catch { faults.append("\(error)") }
    for host in replayed.visits.keys { replayed.visits[host]?.step = nil }
    if replayed != stored { faults.append("the events do not add up to what is stored") }
  }

  /// No wave starts before its predecessor passed; no visit begins outside of its wave.
  private mutating func wavesInOrder(_ events: [Event]) {
    var passed: Set<Int> = []
    for event in events {
      let wave = event.subject.wave ?? 0
      switch event.kind {
      case .waveEnded(.passed, _): passed.insert(wave)
      case .waveStarted, .visitStarted:
        if !passed.isSuperset(of: 1..<max(wave, 1)) { faults.append("wave \(wave) began too early") }
      default: break
      }
    }
  }

  /// A wave of a fixed size passes with as many hosts as it takes that were reached, or with none left to take their places.
  private mutating func places(_ events: [Event]) {
    var begun: [Host.Name: Int] = [:]
    var lost: Set<Host.Name> = []
    for event in events {
      let (host, wave) = (event.subject.host ?? "", event.subject.wave ?? 0)
      switch event.kind {
      case .visitStarted:
        begun[host] = wave
        lost.remove(host)
      case .visitEnded(let end, _) where end.account == .unreachable && begun[host] == wave: lost.insert(host)
      case .waveEnded(.passed, _) where plan.waves[wave - 1].isOfFixedSize:
        let reached = begun.count { $0.value == wave && !lost.contains($0.key) }
        let left = plan.waves[wave...].flatMap(\.visits).contains { begun[$0.host.name] == nil }
        if left, reached < plan.waves[wave - 1].visits.count {
          faults.append("nobody took a place in wave \(wave)")
        }
      default: break
      }
    }
  }

  /// Budgets are never exceeded by more than what was in flight.
  private mutating func budgets(_ events: [Event]) {
    var ends: [Host.Name: VisitEnd] = [:]
    var inFlight: Set<Host.Name> = []
    var mostAllowed = 0
    for event in events {
      guard let host = event.subject.host else { continue }
      switch event.kind {
      case .visitStarted: inFlight.insert(host)
      case .revertStarted: inFlight.remove(host)
      case .step(let result) where result.step == .connect && inFlight.contains(host):
        if Budget(of: plan).broken(by: ends.filter { !inFlight.contains($0.key) }.values) != nil {
          mostAllowed += 1
        }
      case .visitEnded(let end, _):
        inFlight.remove(host)
        ends[host] = end
      default: break
      }
    }
    // Hosts that were about to be contacted when the budget broke.
    if mostAllowed > plan.policy.parallel {
      faults.append("\(mostAllowed) hosts were begun after the budget broke")
    }
  }

  /// No more at once than the policy and its limits allow. A crash leaves visits open that are at work no more.
  private mutating func limits(_ events: [Event]) {
    var open: [Host.Name: Int] = [:]
    for (index, event) in events.enumerated() {
      guard let host = event.subject.host else { continue }
      switch event.kind {
      case .visitStarted, .revertStarted:
        open[host] = index
        let racks = Dictionary(grouping: open.keys) { plan.rack(of: $0) }
        for limit in plan.policy.limits where racks.values.contains(where: { $0.count > limit.parallel }) {
          faults.append("too many of a rack at once")
        }
        if open.count > plan.policy.parallel { faults.append("too many at once") }
      case .visitEnded: open[host] = nil
      default: break
      }
    }
  }

  /// Post ran wherever pre did, and after it.
  private mutating func hooks(_ ran: [String]) {
    for wave in 0...plan.waves.count {
      guard let pre = ran.lastIndex(of: "pre \(wave)") else { continue }
      if ran.lastIndex(of: "post \(wave)").map({ $0 < pre }) ?? true {
        faults.append("the post hook of wave \(wave) did not run after its pre hook")
      }
    }
  }

  /// No false success, none placed that has not the certificate or had one of ours before, and none back that is not.
  private mutating func hosts(_ stored: RolloutLedger, _ hosts: [Host.Name: ModelHost]) {
    let first = Set(plan.visits.filter { $0.certificates.allSatisfy { $0.replaces == nil } }.map(\.host.name))
    for (host, visit) in stored.visits where visit.end == .placed {
      if hosts[host]?.active != 2 {
        faults.append("\(host) is said to be placed, and has not the certificate")
      }
      if !first.contains(host) { faults.append("\(host) is said to be placed, and was served by us before") }
    }
    for (index, wave) in stored.waves.enumerated() {
      let own = stored.visits.filter { $0.value.wave == index + 1 }
      if wave.state == .passed, own.contains(where: { $0.value.end == .unknown }) {
        faults.append("wave \(index + 1) passed with a host of which nothing is known")
      }
      if wave.state == .passed, own.contains(where: { $0.value.isRevert && $0.value.end == .interrupted }) {
        faults.append("wave \(index + 1) passed with a host that was on its way back")
      }
      guard wave.state == .reverted else { continue }
      for (host, visit) in own where visit.isRevert && hosts[host]?.active == 2 {
        faults.append("wave \(index + 1) is said to be back, and \(host) is not")
      }
    }
    for (host, visit) in stored.visits {
      let active = hosts[host]?.active ?? 1
      switch visit.end {
      case .ok, .unchanged, .degraded:
        if active != 2 { faults.append("\(host) is said to be well and has \(active)") }
      case .rolledBack, .inconclusive:
        if active != 1 { faults.append("\(host) is said to be back and has \(active)") }
      case .failedClean where !visit.isRevert:
        if active != 1 { faults.append("\(host) is said to be unchanged and has \(active)") }
      case nil: faults.append("\(host) has no end")
      case .interrupted where [.succeeded, .partial].contains(stored.state):
        faults.append("\(host) was interrupted and nobody went on with it")
      default: break
      }
    }
  }
}

extension Plan {
  fileprivate func rack(of host: Host.Name) -> String {
    visits.first { $0.host.name == host }?.host.labels["rack"] ?? ""
  }
}
