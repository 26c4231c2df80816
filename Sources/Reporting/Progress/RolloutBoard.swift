package import Fleet
package import FoundationEssentials

/// A rollout as it goes: what is worth a line of its own, and a picture of its waves that is drawn again and again.
///
/// It grows with what goes wrong, and not with the hosts that do well: those are counted, and named when their wave ends.
package struct RolloutBoard: Sendable {
  let id: Rollout.ID
  private let title: String
  private let maxFailed: Int
  private var waves: [Int: Wave] = [:]
  /// Hosts at work, and since when.
  private(set) var running: [Host.Name: Date] = [:]
  private var startedAt: Date?
  /// Steps that failed in the visits that are under way.
  private var failedSteps: [Host.Name: [String]] = [:]

  private struct Wave {
    var hosts: Int
    var state = WaveState.pending
    var ends: [VisitEnd: Set<Host.Name>] = [:]
    var failures: [Failure: [Host.Name]] = [:]

    var done: Int { ends.values.reduce(0) { $0 + $1.count } }
    func count(_ account: VisitEnd.Account) -> Int {
      ends.reduce(0) { $0 + ($1.key.account == account ? $1.value.count : 0) }
    }
  }

  /// Hosts that ended the same way for the same reason.
  private struct Failure: Hashable {
    let end: VisitEnd
    let likeness: [UInt8]
    let reason: String

    func hash(into hasher: inout Hasher) {
      hasher.combine(end)
      hasher.combine(likeness)
    }
    static func == (a: Failure, b: Failure) -> Bool { (a.end, a.likeness) == (b.end, b.likeness) }
  }

  /// So many hosts with the same trouble have a line each as it comes; the others are named when the wave ends.
  private static let mostAlike = 2

  /// - Parameter ledger: how far it is already.
  package init(_ id: Rollout.ID, _ plan: Plan?, _ ledger: RolloutLedger? = nil) {
    self.id = id
    let certificates = plan?.lineages ?? []
    title =
      certificates.first.map { first in
        certificates.count == 1 ? first.rawValue : "\(first) and \(certificates.count - 1) more"
      } ?? ""
    maxFailed = plan.map { $0.policy.maxFailed.hosts(of: $0.hostCount) } ?? 0
    for (index, wave) in (plan?.waves ?? []).enumerated() {
      waves[index + 1] = Wave(hosts: wave.visits.count)
    }
    for (index, wave) in (ledger?.waves ?? []).enumerated() { waves[index + 1]?.state = wave.state }
    for (host, visit) in ledger?.visits ?? [:] {
      if let end = visit.end { waves[visit.wave]?.ends[end, default: []].insert(host) }
    }
  }

  /// - Returns: lines for whoever reads along.
  package mutating func take(_ event: Event) -> [String] {
    let number = event.subject.wave ?? 0
    startedAt = startedAt ?? event.at
    switch event.kind {
    case .waveStarted(let hosts):
      waves[number, default: Wave(hosts: hosts)].hosts = hosts
      waves[number]?.state = .running
      return ["wave \(number): \(hosts) host\(hosts == 1 ? "" : "s")"]
    case .visitStarted, .revertStarted:
      if let host = event.subject.host { running[host] = event.at }
      return []
    case .visitEnded(let end, let reason): return conclude(event.subject.host, number, end, reason)
    case .waveMoved(let state, let reason):
      waves[number, default: Wave(hosts: 0)].state = state
      // What it waits for is the rollout's reason too.
      return state == .gated || state == .draining ? [] : ["wave \(number) \(state.words)" + suffix(reason)]
    case .waveEnded(let state, let reason):
      waves[number, default: Wave(hosts: 0)].state = state
      return summary(of: number) + ["wave \(number) \(state.words)" + suffix(reason)]
    case .rolloutMoved(.running, _), .rolloutMoved(.halting, _): return []
    // It says itself what it waits for.
    case .rolloutMoved(.paused, let reason):
      return openWaves.flatMap(summary) + ["rollout \(id): \(reason.visible)"]
    case .rolloutMoved(let state, let reason), .rolloutEnded(let state, let reason):
      return (state.isEnd ? openWaves.flatMap(summary) : []) + [
        "rollout \(id) \(state.words)" + suffix(reason)
      ]
    case .step(let result):
      if !result.outcome.isSuccess, let host = event.subject.host {
        failedSteps[host, default: []].append(EventLine.words(result.outcome, of: result))
      }
      return []
    case .rolloutStarted, .instructed: return []
    case .note(let note, let text):
      let host = event.subject.host.map { "\($0): " } ?? ""
      return ["\(host)\(note.rawValue.replacing("_", with: " ")): \(text.visible)"]
    }
  }

  /// A wave that was left half-way has no end of its own.
  private var openWaves: [Int] {
    waves.filter { [.running, .draining].contains($0.value.state) }.keys.sorted()
  }

  private mutating func conclude(_ host: Host.Name?, _ number: Int, _ end: VisitEnd, _ reason: String)
    -> [String]
  {
    guard let host else { return [] }
    running[host] = nil
    for known in Array((waves[number]?.ends ?? [:]).keys) { waves[number]?.ends[known]?.remove(host) }
    waves[number, default: Wave(hosts: 0)].ends[end, default: []].insert(host)
    let steps = failedSteps.removeValue(forKey: host) ?? []
    guard end.account != .success || end == .degraded else {
      // Its wave has ended long ago, or was begun by an earlier run.
      return waves[number]?.state == .running || waves[number]?.state == .draining
        ? [] : ["\(host): \(end.words)"]
    }
    let reason = reason.isEmpty ? steps.last ?? "" : reason
    let failure = Failure(end: end, likeness: Likeness.of(reason, without: [host.rawValue]), reason: reason)
    waves[number]?.failures[failure, default: []].append(host)
    guard waves[number]?.failures[failure]?.count ?? 0 <= Self.mostAlike else { return [] }
    // What a host lacks is told all at once.
    let others = end == .failedClean ? steps.filter { !reason.contains($0) } : []
    return ["\(host): \(end.words)" + suffix(reason.shortened(to: 300))]
      + others.map { "    and: \($0.visible.shortened(to: 300))" }
  }

  /// Who did well, and who else not.
  private func summary(of number: Int) -> [String] {
    guard let wave = waves[number] else { return [] }
    let good = wave.ends.filter { $0.key.account == .success && $0.key != .degraded && !$0.value.isEmpty }
    let well = good.sorted { $0.key.rawValue < $1.key.rawValue }.map { end, hosts in
      "wave \(number): \(hosts.count) \(end.words): \(HostSet.folded(hosts))"
    }
    let more = wave.failures.filter { $0.value.count > Self.mostAlike }.sorted { $0.value[0] < $1.value[0] }
    return well
      + more.map { failure, hosts in
        "wave \(number): \(hosts.count) \(failure.end.words): \(HostSet.folded(hosts))"
          + suffix(failure.reason.shortened(to: 200))
      }
  }

  private func suffix(_ reason: String) -> String { reason.isEmpty ? "" : ": " + reason.visible }
}

/// The picture.
extension RolloutBoard {
  /// So many waves are drawn, the one that is under way among them.
  private static let mostWaves = 7

  package func lines(on screen: Screen, now: Date) -> [String] {
    let width = screen.width ?? 80
    let age =
      startedAt.map { " · \(Duration.seconds(max(now.timeIntervalSince($0), 0).rounded()).short)" } ?? ""
    let head = "rollout \(id)\(title.isEmpty ? "" : " · \(title)")\(age)"
    let numbers = waves.keys.sorted()
    let current = numbers.firstIndex { waves[$0]?.state.isOver == false } ?? max(numbers.count - 1, 0)
    let first = max(min(current - Self.mostWaves / 2, numbers.count - Self.mostWaves), 0)
    let shown = numbers.dropFirst(first).prefix(Self.mostWaves)
    let label = (shown.last.map { "wave \($0)".count } ?? 0)
    let figures = shown.compactMap { waves[$0].map { "\($0.done)/\($0.hosts)".count } }.max() ?? 0
    return [screen.styled(head.shortened(columns: width), .bold)]
      + shown.map { line(of: $0, label: label, figures: figures, on: screen, width) }
  }

  /// One line for where several go side by side.
  package func line(on screen: Screen) -> String {
    let width = screen.width ?? 80
    let under = waves.keys.sorted().first { waves[$0]?.state.isOver == false }
    guard let number = under, let wave = waves[number] else { return "rollout \(id)" }
    let text =
      "rollout \(id) wave \(number)/\(waves.count) \(wave.done)/\(wave.hosts)\(figures(of: wave))\(atWork)"
    return text.shortened(columns: width)
  }

  /// Every host that is awaited, with its last step and for how long, longest first.
  package func awaited(_ ledger: RolloutLedger, now: Date) -> String {
    guard !running.isEmpty else { return "nobody is awaited" }
    return running.sorted { $0.value < $1.value }.map { host, moment in
      let step = ledger.visits[host]?.step.map { "after \($0.rawValue)" } ?? "connecting"
      return
        "\(host): \(step), for \(Duration.seconds(max(now.timeIntervalSince(moment), 0).rounded()).short)"
    }.joined(separator: "\n")
  }

  private func line(of number: Int, label: Int, figures: Int, on screen: Screen, _ width: Int) -> String {
    guard let wave = waves[number] else { return "" }
    let (mark, style) = wave.state.mark
    var text = "wave \(number)".padded(to: label) + "  " + "\(wave.done)/\(wave.hosts)".padded(to: figures)
    let bar = width >= 60 ? 20 : width >= 40 ? 10 : 0
    if wave.state != .pending, bar > 0 {
      let filled = wave.hosts == 0 ? 0 : min(wave.done * bar / wave.hosts, bar)
      text += "  " + String(repeating: "█", count: filled) + String(repeating: "░", count: bar - filled)
    }
    text += self.figures(of: wave)
    if [.gated, .baking, .verifying, .draining].contains(wave.state) { text += "  \(wave.state.words)" }
    if wave.state == .running { text += atWork }
    return screen.styled(mark, style) + " " + text.shortened(columns: width - 2)
  }

  private func figures(of wave: Wave) -> String {
    let (ok, failed, unreachable) = (wave.count(.success), wave.count(.failure), wave.count(.unreachable))
    let others = wave.done - ok - failed - unreachable
    let parts = [
      ok > 0 ? "\(ok) ok" : "", failed > 0 ? "\(failed) failed (of \(maxFailed) allowed)" : "",
      unreachable > 0 ? "\(unreachable) unreachable" : "", others > 0 ? "\(others) not well" : "",
    ].filter { !$0.isEmpty }
    return parts.isEmpty ? "" : "  " + parts.joined(separator: ", ")
  }

  private var atWork: String {
    guard !running.isEmpty else { return "" }
    // Whoever takes longest is named first; folding hundreds at each event would take longer than all else.
    let slow = running.sorted { $0.value < $1.value }.prefix(3).map(\.key.rawValue).joined(separator: " ")
    return "  \(running.count) at work: \(slow)\(running.count > 3 ? " …" : "")"
  }
}

extension WaveState {
  fileprivate var isOver: Bool { [.passed, .failed, .reverted, .revertFailed].contains(self) }

  fileprivate var mark: (String, Screen.Style) {
    switch self {
    case .passed: ("✓", .good)
    case .failed, .revertFailed: ("✗", .bad)
    case .reverting, .reverted: ("↶", .warning)
    case .running, .draining, .baking, .verifying: ("▶", .bold)
    case .pending, .gated: ("·", .dim)
    }
  }
}
