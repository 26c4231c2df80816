package import FoundationEssentials

/// How what was seen of a certificate on a host differs from what the host was brought to.
package struct Drift: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
    /// Nothing is there: a machine that was installed anew.
    case gone
    /// An earlier generation: an image that was restored.
    case older
    /// A certificate that is none of ours.
    case other
    /// The key does not fit; a file is missing, changed, or somebody else's.
    case damaged
    /// It is right on disk, and another one is served.
    case notServed = "not_served"

    package var words: String {
      switch self {
      case .gone: "gone"
      case .older: "an earlier one"
      case .other: "not ours"
      case .damaged: "damaged"
      case .notServed: "not served"
      }
    }
  }

  package var kind: Kind
  /// What was seen, for a person.
  package var detail: String

  package init(_ kind: Kind, _ detail: String) { (self.kind, self.detail) = (kind, detail) }
}

/// A drift that has not been mended, as it is stored.
package struct OpenDrift: Hashable, Sendable {
  package var drift: Drift
  package var seenAt: Date
  /// The certificate that is there now, where it can be read.
  package var fingerprint: Fingerprint?
  /// How often it was mended within the last day, beside that.
  package var mends: Int

  package init(_ drift: Drift, seenAt: Date, fingerprint: Fingerprint?, mends: Int) {
    (self.drift, self.seenAt, self.fingerprint, self.mends) = (drift, seenAt, fingerprint, mends)
  }

  /// What was mended twice and drifted again within a day is somebody else's work: a person decides.
  package var isLeft: Bool { mends >= 2 }
}

/// What a policy wants done about drift.
package enum DriftReaction: String, Hashable, Sendable, Codable, CaseIterable {
  case mend, report
}

/// How old what was seen of a host may become before it is looked at again.
package enum LookInterval: Hashable, Sendable {
  case every(Duration)
  case never

  package static let standard = LookInterval.every(.seconds(86400))

  package var seconds: Double? { if case .every(let duration) = self { duration.seconds } else { nil } }
}

/// Seconds, or `never`.
extension LookInterval: Codable {
  package init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let seconds = try? value.decode(Double.self) {
      self = .every(.seconds(seconds))
    } else {
      self = .never
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    switch self {
    case .every(let duration): try value.encode(duration.seconds)
    case .never: try value.encode("never")
    }
  }
}

/// A host that has drifted and is left as it is.
package struct DriftedHost: Hashable, Sendable, Codable {
  package var policy: RolloutPolicy.Name
  package var host: Host.Name
  package var lineage: Lineage.Name
  package var kind: Drift.Kind
  package var detail: String
  package var why: Reason

  package enum Reason: String, Hashable, Sendable, Codable {
    /// Its policy wants drift told and not mended.
    case policy
    /// It was mended twice, and drifted again within a day each time.
    case mendedTwice = "mended_twice"
  }

  package init(
    _ host: Host.Name, _ lineage: Lineage.Name, under policy: RolloutPolicy.Name, _ drift: Drift, why: Reason
  ) {
    (self.policy, self.host, self.lineage, self.why) = (policy, host, lineage, why)
    (kind, detail) = (drift.kind, drift.detail)
  }
}
