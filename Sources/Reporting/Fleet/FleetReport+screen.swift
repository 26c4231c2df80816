import Fleet
package import FoundationEssentials

/// The report as it is read at three in the morning: what needs a person first, then a line for each certificate, then what comes next.
extension FleetReport {
  /// What has room on a screen; the rest is counted.
  private static let mostTroubles = 8
  private static let mostCertificates = 30

  package func text(now: Date, on screen: Screen) -> String {
    guard screen.width != nil else { return text(now: now) }
    guard !statuses.isEmpty || !certificates.isEmpty else {
      return isPart ? "nothing of what is asked for\n" : summary + "\n"
    }
    return [
      screen.wrapped(screen.styled(headline, .bold)) + (seen.map { screen.wrapped($0) } ?? ""),
      troubleText(on: screen), certificateText(on: screen),
      (notes + next).map { screen.wrapped($0, first: "", indent: 2) }.joined(),
    ].filter { !$0.isEmpty }.joined(separator: "\n")
  }

  /// Without the certificates: what a run ends with that nobody looks at while it is well.
  package func brief(of name: String, on screen: Screen) -> String {
    screen.wrapped(screen.styled("certfleet on \(name.visible): \(headline)", .bold))
      + (endsFirst.map { screen.wrapped($0) } ?? "")
      + troubleText(on: screen) + next.map { screen.wrapped($0, first: "", indent: 2) }.joined()
  }

  /// `40 hosts, 6 certificates: 2 need a person`.
  var headline: String {
    let hosts = Set(statuses.map(\.host)).count
    let size = "\(Self.counted(hosts, "host")), \(Self.counted(certificates.count, "certificate"))"
    let urgent = troubles.count(where: \.kind.needsPerson)
    if urgent > 0 { return "\(size): \(urgent == 1 ? "one thing needs" : "\(urgent) things need") a person" }
    if !troubles.isEmpty {
      return "\(size): nothing needs a person yet; the next runs see to what is told below"
    }
    if statuses.contains(where: { !$0.isConverged }) {
      return "\(size): \(Self.counted(behind, "place")) to be brought up to date"
    }
    return "\(size): everything is as it should be"
  }

  private var behind: Int { statuses.count { !$0.isConverged } }

  var seen: String? {
    let moments = statuses.compactMap(\.seenAt)
    guard let newest = moments.max(), let oldest = moments.min() else { return nil }
    let (last, first) = (newest.age(at: generatedAt), oldest.age(at: generatedAt))
    let seen = last == first ? "seen \(last)" : "seen \(last), the longest ago \(first)"
    return [seen, endsFirst].compactMap { $0 }.joined(separator: "; ")
  }

  /// Whether there is time: how long what hosts have is good for. Whatever has ended is told as a trouble.
  private var endsFirst: String? {
    guard let end = statuses.lazy.filter({ $0.active != nil }).compactMap(\.expires).min(), end > generatedAt
    else { return nil }
    return "nothing in use ends for \(end.distance(from: generatedAt))"
  }

  private func troubleText(on screen: Screen) -> String {
    guard !troubles.isEmpty else { return "" }
    let title = troubles.contains(where: \.kind.needsPerson) ? "NEEDS A PERSON" : "TO KNOW"
    let more = troubles.dropFirst(Self.mostTroubles)
    let hosts = Set(more.flatMap(\.hosts)).count
    let rest =
      more.isEmpty
      ? ""
      : "… and \(more.count) more\(hosts > 0 ? " of \(Self.counted(hosts, "host"))" : ""): \(Remedy.reportWide)\n"
    return screen.styled(title, .dim) + "\n"
      + troubles.prefix(Self.mostTroubles).map { $0.text(on: screen, now: generatedAt) }.joined() + rest
  }

  private func certificateText(on screen: Screen) -> String {
    guard !certificates.isEmpty else { return "" }
    let more = certificates.count - Self.mostCertificates
    return CertificateSummary.table(certificates.prefix(Self.mostCertificates), on: screen, now: generatedAt)
      + (more > 0 ? "… and \(more) more: \(Remedy.reportWide)\n" : "")
  }

  /// What nobody need act on at once.
  private var notes: [String] {
    CertificateShortfall.lines(of: shortfalls.filter(\.isNote), now: generatedAt)
  }

  private var next: [String] {
    var lines: [String] = []
    for rollout in openRollouts {
      switch rollout.wait {
      case .window, .bake: lines.append("next: rollout \(rollout.id): \(rollout.reasonNow)")
      case nil: lines.append("next: rollout \(rollout.id) goes on: \(Remedy.run)")
      case .approval, .person: break
      }
    }
    if lines.isEmpty, openRollouts.isEmpty, behind > 0,
      statuses.contains(where: { !$0.isConverged && ($0.lastEnd == nil || $0.lastEnd?.account == .success) })
    {
      lines.append("next: \(Self.counted(behind, "place")) to be brought up to date: \(Remedy.run)")
    }
    if let renewal = certificates.filter({ $0.renewal.map { $0 > generatedAt } ?? false })
      .min(by: { ($0.renewal ?? .distantFuture) < ($1.renewal ?? .distantFuture) }),
      let moment = renewal.renewal
    {
      lines.append(
        "next: \(renewal.lineage) is renewed in \(moment.distance(from: generatedAt)), \(moment.stamp)")
    }
    return lines
  }

  static func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
