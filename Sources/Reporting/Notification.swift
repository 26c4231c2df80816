import Fleet
package import FoundationEssentials

/// What a notifier is told: what is new or got worse since it was told last, and what is well again. One message for all of it.
package struct Notification: Sendable, Encodable {
  package enum Severity: String, Sendable, Encodable { case ok, warning, critical }

  package let controller: String
  package let at: Date
  package let severity: Severity
  /// One line.
  package let title: String
  /// All of it, for a person.
  package let text: String
  package let news: [Trouble]
  package let recovered: [Recovery]

  package struct Recovery: Sendable, Hashable, Encodable {
    package let kind: Trouble.Kind
    package let certificate: String
  }

  private enum CodingKeys: String, CodingKey {
    case controller, at, severity, title, text, recovered
    case news = "troubles"
  }

  /// Trouble by what it is and which certificate has it, and on how many hosts. One that is remembered is not told again before it gets
  /// worse.
  package typealias Told = [String: Int]

  /// - Parameter told: what the notifier knows.
  /// - Returns: `nil` where there is nothing new.
  package init?(_ report: FleetReport, since told: Told, controller: String) {
    let now = Self.state(of: report)
    let news = report.troubles.filter { trouble in
      trouble.isTold && trouble.keys.contains { key in now[key, default: 0] > told[key, default: -1] }
    }
    let gone = told.keys.filter { now[$0] == nil }.sorted()
    guard !news.isEmpty || !gone.isEmpty else { return nil }
    let recovered = gone.compactMap(Recovery.init)
    let open = report.troubles.filter(\.isTold)
    let severity: Severity =
      open.contains { $0.kind.needsPerson && $0.kind.isFailure } ? .critical : open.isEmpty ? .ok : .warning
    self.init(
      controller: controller, at: report.generatedAt, severity: severity,
      title: Self.title(news, recovered, stillOpen: open.count), news: news, recovered: recovered)
  }

  /// To see whether it arrives.
  package static func test(controller: String, now: Date) -> Notification {
    Notification(
      controller: controller, at: now, severity: .ok, title: "a test: notifications arrive", news: [],
      recovered: [])
  }

  /// A run that came to no end of its own, and so has told nobody.
  ///
  /// - Parameter how: as systemd says it: `timeout`, `signal 9` …
  package static func failedRun(_ how: String, controller: String, now: Date) -> Notification {
    Notification(
      controller: controller, at: now, severity: .critical,
      title: "needs a person: a run failed (\(how)): journalctl -u certfleet", news: [], recovered: [])
  }

  private init(
    controller: String, at: Date, severity: Severity, title: String, news: [Trouble], recovered: [Recovery]
  ) {
    self.controller = controller
    self.at = at
    self.severity = severity
    self.title = "certfleet on \(controller.visible): \(title)"
    self.news = news.prefix(Self.most).map { trouble in
      var cut = trouble
      cut.hosts = Array(trouble.hosts.prefix(Self.mostNames))
      cut.certificates = Array(trouble.certificates.prefix(Self.mostNames))
      return cut
    }
    self.recovered = Array(recovered.prefix(Self.mostNames))
    let lines =
      news.prefix(Self.most).map { $0.text(on: Screen(width: 100), now: at) }
      + (news.count > Self.most ? ["… and \(news.count - Self.most) more: \(Remedy.reportWide)\n"] : [])
      + recovered.prefix(Self.most).map { $0.words + "\n" }
      + (recovered.count > Self.most ? ["… and \(recovered.count - Self.most) more are well again\n"] : [])
    text = self.title + "\n\n" + lines.joined()
  }

  private static let most = 8
  /// In the lists; the text has them folded.
  private static let mostNames = 40

  private static func title(_ news: [Trouble], _ recovered: [Recovery], stillOpen: Int) -> String {
    let urgent = news.count(where: \.kind.needsPerson)
    if let first = news.first {
      let subject =
        first.hosts.isEmpty ? first.certificates.first?.rawValue ?? "" : HostSet.folded(first.hosts, upTo: 60)
      let more = news.count > 1 ? ", and \(news.count - 1) more" : ""
      return (urgent == 0 ? "" : urgent == 1 ? "needs a person: " : "\(urgent) things need a person: ")
        + "\(subject): \(first.what)\(more)"
    }
    let what = recovered.first?.words ?? ""
    let more = recovered.count > 1 ? ", and \(recovered.count - 1) more" : ""
    return what + more + (stillOpen > 0 ? "; \(stillOpen) open still" : "")
  }

  /// What is not as it should be now.
  package static func state(of report: FleetReport) -> Told {
    var state: Told = [:]
    for trouble in report.troubles where trouble.isTold {
      for key in trouble.keys { state[key, default: 0] += trouble.hosts.count }
    }
    return state
  }
}

extension Notification.Recovery {
  fileprivate var words: String {
    certificate == Trouble.anyHosts
      ? "\(kind.words): no more" : "\(certificate) is well again (\(kind.words) no more)"
  }

  fileprivate init?(_ key: String) {
    guard let bar = key.firstIndex(of: "|"), let kind = Trouble.Kind(rawValue: String(key[..<bar])) else {
      return nil
    }
    self.init(kind: kind, certificate: String(key[key.index(after: bar)...]))
  }
}

extension Trouble {
  /// Hosts that come and go by themselves, and a CA that does, are for the report.
  fileprivate var isTold: Bool { ![.unreachable, .unseen, .unfinished, .renewalFails].contains(kind) }

  /// Of what is about hosts alone.
  fileprivate static let anyHosts = "hosts"

  fileprivate var keys: [String] {
    let subjects = certificates.isEmpty ? [Self.anyHosts] : certificates.map(\.declared.rawValue)
    return Set(subjects).map { "\(kind.rawValue)|\($0)" }
  }
}

extension Trouble.Kind {
  fileprivate var words: String { rawValue.replacing("_", with: " ") }
}
