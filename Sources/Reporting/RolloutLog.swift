package import Fleet
import FoundationEssentials

/// The log of one rollout, by host: what happened to the rollout and its waves, then the visits that did not end well,
/// then who else was visited. Visits that went the same way are shown once.
package struct RolloutLog: Sendable {
  private let id: Rollout.ID
  private let events: [Event]
  private let showsAll: Bool

  /// - Parameters:
  ///   - events: the rollout's, oldest first.
  ///   - showsAll: whether visits that ended well are shown too, and all output of hooks.
  package init(_ id: Rollout.ID, _ events: [LoggedEvent], showsAll: Bool) {
    (self.id, self.events, self.showsAll) = (id, events.map(\.event), showsAll)
  }

  package func text(on screen: Screen) -> String {
    let visits = Visit.all(in: events)
    let groups = VisitGroup.all(visits, showsAll: showsAll)
    // Where one host is asked for, it is what is to be seen.
    let isShown: (VisitGroup) -> Bool = { showsAll || groups.count == 1 || !$0.first.isSuccess }
    let blocks = groups.filter(isShown).sorted { $0.first.rank < $1.first.rank }
      .map { $0.text(on: screen, showsAll: showsAll) }
    return ([timeline(on: screen)] + blocks + [rest(groups.filter { !isShown($0) })])
      .filter { !$0.isEmpty }.joined(separator: "\n")
  }

  private func timeline(on screen: Screen) -> String {
    let own = events.filter { $0.subject.host == nil }
    guard let first = own.first else { return "" }
    let lines = own.map { event in
      let wave = event.subject.wave.map { "wave \($0) " } ?? ""
      return "  \(event.at.offset(from: first.at))  \(wave)\(EventLine.words(event))\n"
    }
    return screen.styled("rollout \(id) · \(first.at.stamp)", .bold) + "\n" + lines.joined()
  }

  private func rest(_ groups: [VisitGroup]) -> String {
    guard !groups.isEmpty else { return "" }
    let ends = Dictionary(grouping: groups, by: \.first.endWords).sorted { $0.key < $1.key }
    let lines = ends.map { "\($0): \(HostSet.folded(Set($1.flatMap(\.hosts)).sorted()))\n" }
    return lines.joined() + "their visits, and all output: \(Remedy.showWholeLog(id))\n"
  }
}

/// What happened to one host from the begin of a visit to its end.
private struct Visit {
  let host: Host.Name
  let wave: Int
  let attempt: Int?
  let events: [Event]

  static func all(in events: [Event]) -> [Visit] {
    struct Key: Hashable { let host: Host.Name, attempt: Int? }
    var order: [Key] = []
    var grouped: [Key: [Event]] = [:]
    for event in events {
      guard let host = event.subject.host else { continue }
      let key = Key(host: host, attempt: event.subject.attempt)
      if grouped[key] == nil { order.append(key) }
      grouped[key, default: []].append(event)
    }
    return order.compactMap { key in
      let own = grouped[key] ?? []
      return Visit(
        host: key.host, wave: own.lazy.compactMap(\.subject.wave).first ?? 0, attempt: key.attempt,
        events: own)
    }
  }

  private var ended: (end: VisitEnd, reason: String)? {
    for event in events.reversed() {
      if case .visitEnded(let end, let reason) = event.kind { return (end, reason) }
    }
    return nil
  }

  var end: VisitEnd? { ended?.end }
  /// Where no step tells it.
  var reason: String {
    let hasFailedStep = events.contains {
      if case .step(let result) = $0.kind { !result.outcome.isSuccess } else { false }
    }
    return hasFailedStep ? "" : ended?.reason.visible ?? ""
  }

  var isSuccess: Bool { end?.account == .success }
  var endWords: String { end?.words ?? "at work" }
  /// What failed first; what needs a person before what was put back.
  var rank: Int { end == .failedDirty ? 0 : isSuccess ? 3 : end == nil ? 2 : 1 }

  /// A line for each step, and what its hook said.
  func lines(showsAll: Bool) -> [(event: Event, text: String)] {
    events.compactMap { event in
      switch event.kind {
      case .visitStarted, .revertStarted, .visitEnded: nil
      default:
        (
          event,
          EventLine.words(event) + "\n" + EventLine.output(of: event, always: showsAll, margin: "           ")
        )
      }
    }
  }
}

/// Visits that went the same way.
private struct VisitGroup {
  let first: Visit
  var hosts: [Host.Name]
  var waves: Set<Int>

  static func all(_ visits: [Visit], showsAll: Bool) -> [VisitGroup] {
    var groups: [VisitGroup] = []
    var places: [[UInt8]: Int] = [:]
    for visit in visits {
      let text = visit.lines(showsAll: showsAll).map { event, text in
        // How long it took is another time each time.
        guard case .step(let result) = event.kind else { return text }
        return text.replacing("(\(result.duration.short))", with: "")
      }.joined()
      let likeness = Likeness.of(
        "\(visit.endWords): \(visit.reason)\n\(text)", without: [visit.host.rawValue])
      if let place = places[likeness] {
        groups[place].hosts.append(visit.host)
        groups[place].waves.insert(visit.wave)
      } else {
        places[likeness] = groups.count
        groups.append(VisitGroup(first: visit, hosts: [visit.host], waves: [visit.wave]))
      }
    }
    return groups
  }

  func text(on screen: Screen, showsAll: Bool) -> String {
    let (start, stop) = (first.events.first?.at ?? .distantPast, first.events.last?.at ?? .distantPast)
    let took = Duration.seconds(stop.timeIntervalSince(start)).short
    let parts = [
      HostSet.folded(Set(hosts).sorted()),
      "wave\(waves.count > 1 ? "s" : "") \(waves.sorted().map(String.init).joined(separator: ", "))",
      first.attempt.flatMap { $0 > 1 && hosts.count == 1 ? "attempt \($0)" : nil },
      first.end == nil ? first.endWords : "\(first.endWords) after \(took)",
      hosts.count > 1 ? "\(hosts.count) hosts went the same way; the steps are of \(first.host)" : nil,
    ]
    let style: Screen.Style = first.isSuccess || first.end == nil ? .bold : .bad
    let head = screen.styled(parts.compactMap { $0 }.joined(separator: " · "), style)
    let why = first.reason.isEmpty ? "" : "  \(first.reason)\n"
    return head + "\n" + why
      + first.lines(showsAll: showsAll).map { "  \($0.at.offset(from: start))  \($1)" }.joined()
  }
}

extension Date {
  /// `+0.26s`, in seven columns.
  fileprivate func offset(from start: Date) -> String {
    let seconds = max(timeIntervalSince(start), 0)
    let text: String
    if seconds < 100 {
      let hundredths = Int((seconds * 100).rounded())
      let rest = hundredths % 100
      text = "+\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)s"
    } else {
      text = "+" + Duration.seconds(seconds).short
    }
    return String(repeating: " ", count: max(7 - text.count, 0)) + text
  }
}
