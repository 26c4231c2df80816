package import Fleet
package import FoundationEssentials

/// Something that is not as it should be: where, since when, why, and what to type. Hosts with the same trouble are one.
package struct Trouble: Hashable, Sendable, Encodable {
  /// The worst first.
  package enum Kind: String, Hashable, Sendable, Encodable, CaseIterable {
    case ended
    case failedDirty = "failed_dirty"
    case failed
    case overdue
    case notIssued = "not_issued"
    case refused
    case notPinned = "not_pinned"
    case placed
    case waitsForApproval = "waits_for_approval"
    case paused
    case renewalFails = "renewal_fails"
    case drifted
    case degraded
    case unreachable
    case unseen
    case unfinished

    /// Whether it stays so until somebody acts; else the next runs mend it, or try.
    package var needsPerson: Bool {
      switch self {
      case .ended, .failedDirty, .failed, .overdue, .notIssued, .refused, .notPinned, .placed, .paused,
        .waitsForApproval:
        true
      case .renewalFails, .drifted, .degraded, .unreachable, .unseen, .unfinished: false
      }
    }

    /// Whether something failed, beside what waits or was seen.
    var isFailure: Bool {
      switch self {
      case .ended, .failedDirty, .failed, .overdue, .notIssued, .refused: true
      default: false
      }
    }
  }

  package var kind: Kind
  package var hosts: [Host.Name]
  package var certificates: [Lineage.Name]
  /// What happened, in few words.
  package var what: String
  /// As whoever failed told it.
  package var reason: String
  package var since: Date?
  /// What to type, in this order.
  package var commands: [String]

  init(
    _ kind: Kind, hosts: [Host.Name] = [], certificates: [Lineage.Name] = [], what: String,
    reason: String = "",
    since: Date? = nil, commands: [Remedy] = []
  ) {
    self.kind = kind
    self.hosts = hosts
    self.certificates = certificates
    self.what = what
    self.reason = reason
    self.since = since
    self.commands = commands.map(\.description)
  }
}

extension Trouble {
  /// A few lines: what, why, what to do.
  func text(on screen: Screen, now: Date) -> String {
    let mark = kind.needsPerson && kind.isFailure ? screen.styled("✗", .bad) : screen.styled("!", .warning)
    let subject = [HostSet.folded(hosts, upTo: 60), hosts.isEmpty ? certificateText : ""].filter {
      !$0.isEmpty
    }
    let object = hosts.isEmpty || certificates.isEmpty ? "" : certificateText + " "
    let age = since.map { ", \($0.age(at: now))" } ?? ""
    let head = screen.wrapped("\(subject.joined()): \(object)\(what)\(age)", first: mark + " ", indent: 2)
    let why = reason.isEmpty ? "" : screen.wrapped(reason, first: "    ", indent: 4)
    return head + why
      + commands.map { screen.wrapped(screen.styled($0, .bold), first: "    ", indent: 4) }.joined()
  }

  var certificateText: String {
    guard let first = certificates.first else { return "" }
    return certificates.count == 1 ? first.rawValue : "\(first) and \(certificates.count - 1) more"
  }
}
