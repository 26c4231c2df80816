package import Fleet
import FoundationEssentials

/// The fleet as one web page that asks nobody for anything: all it shows is in it.
///
/// What there are thousands of is numbers in lists, so that 30,000 places take a megabyte.
package struct FleetPage: Sendable, Encodable {
  private let version: String
  private let controller: String
  private let at: Double
  private let headline: String
  private let seen: String?
  private let troubles: [PageTrouble]
  private let certificates: [PageCertificate]
  private let hosts: [Host.Name]
  /// Of certificates, as `places` count them.
  private let names: [Lineage.Name]
  /// Reasons, as `places` count them: hosts with the same trouble have one.
  private let texts: [String]
  /// Host, certificate, wanted, has, level, when it ends, when it was seen, reason.
  private let places: [[Double?]]
  private let rollouts: [PageRollout]
  /// Of hosts with trouble: when, what, output.
  private let history: [String: [[PageValue]]]

  /// As in the page's legend.
  enum Level: Int, Encodable { case good, toKnow, needsPerson, waits }

  fileprivate struct PageTrouble: Encodable {
    let subject: String
    let what: String
    let reason: String
    let since: Double?
    let commands: [String]
    let act: Bool
  }

  fileprivate struct PageCertificate: Encodable {
    let name: Lineage.Name
    let begins: Double?
    let ends: Double?
    let renewal: Double?
  }

  fileprivate struct PageRollout: Encodable {
    let id: Int
    let certificates: String
    let state: String
    let level: Level
    let reason: String
    let began: Double
    let waves: [PageWave]
  }

  fileprivate struct PageWave: Encodable {
    let state: String
    /// Host, level, how it ended, why.
    let hosts: [[PageValue]]
  }

  enum PageValue: Encodable, Sendable {
    case number(Double)
    case text(String)

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .number(let number): try container.encode(number)
      case .text(let text): try container.encode(text)
      }
    }
  }

  /// - Parameters:
  ///   - rollouts: those that are drawn, the newest first, each with its summary.
  ///   - events: of hosts with trouble, oldest first.
  package init(
    _ report: FleetReport, controller: String, rollouts: [(RolloutSummary, RolloutReport)],
    events: [Host.Name: [Event]]
  ) {
    version = Product.version
    self.controller = controller
    at = report.generatedAt.timeIntervalSince1970
    (headline, seen) = (report.headline, report.seen)
    troubles = report.troubles.map { trouble in
      let hosts = HostSet.folded(trouble.hosts, upTo: 300)
      return PageTrouble(
        subject: hosts.isEmpty ? trouble.certificateText : hosts,
        what: (hosts.isEmpty || trouble.certificates.isEmpty ? "" : trouble.certificateText + " ")
          + trouble.what,
        reason: trouble.reason, since: trouble.since?.timeIntervalSince1970, commands: trouble.commands,
        act: trouble.kind.needsPerson)
    }
    certificates = report.certificates.map {
      PageCertificate(
        name: $0.lineage, begins: $0.notBefore?.timeIntervalSince1970,
        ends: $0.expires?.timeIntervalSince1970,
        renewal: $0.renewal?.timeIntervalSince1970)
    }.sorted { ($0.ends ?? .infinity) < ($1.ends ?? .infinity) }
    var index = Index()
    var places: [[Double?]] = []
    places.reserveCapacity(report.statuses.count)
    for status in report.statuses {
      let level = Level(status)
      places.append([
        Double(index.hosts(status.host)), Double(index.names(status.lineage)),
        status.wanted.map { Double($0.number) }, status.active.map { Double($0.number) },
        Double(level.rawValue),
        status.expires.map { $0.timeIntervalSince1970.rounded() },
        status.seenAt.map { $0.timeIntervalSince1970.rounded() },
        level == .good ? nil : index.texts(FleetReport.result(status)).map(Double.init),
      ])
    }
    self.places = places
    self.rollouts = rollouts.map { PageRollout($0, $1, &index) }
    var history: [String: [[PageValue]]] = [:]
    for (host, events) in events { history[String(index.hosts(host))] = events.map(Self.row) }
    self.history = history
    (hosts, names, texts) = (index.hosts.all, index.names.all, index.texts.all)
  }

  private static func row(_ event: Event) -> [PageValue] {
    var output = ""
    if case .step(let result) = event.kind {
      output = [result.stdout.text, result.stderr.text].filter { !$0.isEmpty }.joined(separator: "\n")
    }
    return [
      .number(event.at.timeIntervalSince1970), .text(EventLine.words(event)),
      .text(output.shortened(to: 8000)),
    ]
  }

  /// The page.
  package func html() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes]
    // Nothing in it may end the element that it stands in (HTML, 4.12.1.3).
    let data = String(decoding: try encoder.encode(self), as: UTF8.self).replacing("<", with: "\\u003c")
    let page = String(decoding: PackageResources.page_html, as: UTF8.self)
    let parts = page.split(separator: "DATA-GOES-HERE", maxSplits: 1)
    return parts[0] + data + parts[1]
  }

  /// Things by their number.
  fileprivate struct Index {
    struct Numbers<Value: Hashable> {
      private(set) var all: [Value] = []
      private var numbers: [Value: Int] = [:]

      mutating func callAsFunction(_ value: Value) -> Int {
        if let number = numbers[value] { return number }
        numbers[value] = all.count
        all.append(value)
        return all.count - 1
      }
    }

    var hosts = Numbers<Host.Name>()
    var names = Numbers<Lineage.Name>()
    var texts = Texts()

    struct Texts {
      private var numbers = Numbers<String>()
      var all: [String] { numbers.all }
      mutating func callAsFunction(_ text: String) -> Int? { text.isEmpty ? nil : numbers(text) }
    }
  }
}

extension FleetPage.Level {
  fileprivate init(_ status: HostCertificateStatus) {
    if status.isConverged {
      self = status.lastEnd == .degraded ? .toKnow : .good
    } else if let end = status.lastEnd, end.account == .failure || end == .refused || end == .placed {
      self = .needsPerson
    } else {
      self = status.drift != nil || status.lastEnd?.account == .unreachable ? .toKnow : .waits
    }
  }

  fileprivate init(_ end: VisitEnd?) {
    self =
      switch end?.account {
      case .success: end == .degraded ? .toKnow : .good
      case .failure, .placed: .needsPerson
      case .unreachable: end == .refused ? .needsPerson : .toKnow
      case .undecided, nil: .waits
      }
  }
}

extension FleetPage.PageRollout {
  fileprivate init(_ summary: RolloutSummary, _ report: RolloutReport, _ index: inout FleetPage.Index) {
    let first = summary.certificates.first.map(\.rawValue) ?? ""
    let more = summary.certificates.count - 1
    let level: FleetPage.Level =
      switch summary.state {
      case .succeeded: .good
      case .superseded, .cancelled, .paused, .planned, .running: .waits
      case .partial, .halting, .halted, .rollingBack, .rolledBack, .rollbackFailed: .needsPerson
      }
    let results = Dictionary(grouping: report.hosts, by: \.wave)
    self.init(
      id: summary.id.number, certificates: more > 0 ? "\(first) and \(more) more" : first,
      state: summary.stateWords, level: level, reason: summary.reasonNow,
      began: summary.startedAt.timeIntervalSince1970,
      waves: report.waves.map { wave in
        FleetPage.PageWave(
          state: wave.state.words,
          hosts: (results[wave.number] ?? []).map { result in
            let level = FleetPage.Level(result.end)
            let ended = result.end?.words ?? (result.isBegun ? "at work" : "")
            return [
              .number(Double(index.hosts(result.host))), .number(Double(level.rawValue)), .text(ended),
            ] + (level == .good || result.reason.isEmpty ? [] : [.text(result.reason.shortened(to: 300))])
          })
      })
  }
}
