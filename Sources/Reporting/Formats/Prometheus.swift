import Fleet
import FoundationEssentials

extension FleetReport {
  /// Figures in Prometheus' text format (its "Exposition formats"), with names by its "Metric and label naming". There is a series for each
  /// certificate and each policy, and none for a host, so that they do not grow with the fleet.
  package func prometheus(version: String) -> String {
    var text = MetricText()
    text.add("certfleet_build_info", "Which certfleet has written this.", [(["version": version], 1)])
    text.add(
      "certfleet_report_timestamp_seconds", "When this was written.",
      [([:], generatedAt.timeIntervalSince1970)])
    if let runs {
      text.add("certfleet_last_run_timestamp_seconds", "When a run ended last.", [([:], runs.endedAt)])
      text.add(
        "certfleet_last_run_success_timestamp_seconds",
        "When a run ended last after which no person had to act.",
        runs.succeededAt.map { [([:], $0)] } ?? [])
    }
    text.add(
      "certfleet_hosts", "Hosts that certificates go to.", [([:], Double(Set(statuses.map(\.host)).count))])
    text.add(
      "certfleet_need_person", "Things that stay as they are until a person acts.",
      [([:], Double(troubles.count(where: \.kind.needsPerson)))])
    let byKind = Dictionary(grouping: troubles, by: \.kind)
    text.add(
      "certfleet_troubles", "Things that are not as they should be, by their kind.",
      Trouble.Kind.allCases.map { (["kind": $0.rawValue], Double(byKind[$0]?.count ?? 0)) })
    addCertificates(&text)
    addRollouts(&text)
    return text.text
  }

  private func addCertificates(_ text: inout MetricText) {
    let places = Dictionary(grouping: statuses) { $0.lineage.declared }
    func series(_ value: (CertificateSummary, [HostCertificateStatus]) -> Double?) -> [MetricText.Sample] {
      certificates.sorted { $0.lineage < $1.lineage }.compactMap { certificate in
        value(certificate, places[certificate.lineage] ?? []).map {
          (["certificate": certificate.lineage.rawValue], $0)
        }
      }
    }
    text.add(
      "certfleet_certificate_not_after_timestamp_seconds",
      "When the first of those ends that hosts have of a certificate, or else the newest.",
      series { certificate, _ in certificate.expires?.timeIntervalSince1970 })
    text.add(
      "certfleet_certificate_renewal_timestamp_seconds", "When a certificate is to be renewed.",
      series { certificate, _ in certificate.renewal?.timeIntervalSince1970 })
    text.add(
      "certfleet_certificate_hosts", "Hosts that a certificate goes to.",
      series { certificate, _ in Double(certificate.hosts) })
    text.add(
      "certfleet_certificate_hosts_served",
      "Hosts that have the newest of a certificate, and serve it as far as anybody looked.",
      series { certificate, _ in Double(certificate.good) })
    text.add(
      "certfleet_certificate_hosts_drifted", "Hosts that have something else than they were brought to.",
      series { _, places in Double(places.count { $0.drift != nil }) })
    text.add(
      "certfleet_certificate_last_seen_timestamp_seconds",
      "Since when all of a certificate's hosts were seen to be as they should be.",
      series { _, places in places.compactMap(\.seenAt).min()?.timeIntervalSince1970 })
  }

  /// The newest of each policy.
  private func addRollouts(_ text: inout MetricText) {
    var newest: [RolloutPolicy.Name: RolloutSummary] = [:]
    for rollout in rollouts where newest[rollout.policy] == nil { newest[rollout.policy] = rollout }
    text.add(
      "certfleet_rollout_state", "The state of a policy's newest rollout: 1 for the one that it is in.",
      newest.sorted { $0.key < $1.key }.flatMap { policy, rollout in
        RolloutState.allCases.map {
          (["policy": policy.rawValue, "state": $0.rawValue], $0 == rollout.state ? 1.0 : 0.0)
        }
      })
  }
}

/// Families of samples, each under its help and type.
private struct MetricText {
  typealias Sample = (labels: [String: String], value: Double)
  private(set) var text = ""

  mutating func add(_ name: String, _ help: String, _ samples: [Sample]) {
    guard !samples.isEmpty else { return }
    text += "# HELP \(name) \(help)\n# TYPE \(name) gauge\n"
    for sample in samples {
      let labels = sample.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(Self.escaped($0.value))\"" }
      text +=
        name + (labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}")
        + " \(Self.number(sample.value))\n"
    }
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
  }

  /// "Label values can be any sequence of UTF-8 characters, but the backslash, double-quote, and line feed characters have to be
  /// escaped."
  private static func escaped(_ text: String) -> String {
    text.visible.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
  }
}
