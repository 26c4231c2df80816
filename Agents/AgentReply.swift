package import Fleet
import FoundationEssentials

/// One thing that the agent says.
package enum AgentReply: Hashable, Sendable {
  case hello(version: Int, clock: Int)
  case begin(Step, Lineage.Name?, hook: Int?)
  /// A hook's stream; it comes before the step that it belongs to.
  case output(Stream, CapturedOutput)
  /// With what more there is to say: a program of a hook directory, which generation came back.
  case step(Step, Lineage.Name?, hook: Int?, Outcome, String)
  /// The host waits for the controller's word.
  case await(seconds: Int)
  case end(End, text: String)
  /// The agent needs those parts of the script that the visit came without.
  case more
  /// What a look has found.
  case found(Finding)

  package enum Finding: Hashable, Sendable {
    /// Of a certificate, with it in PEM, and whose its key is.
    case certificate(Lineage.Name, SeenOnDisk.Link, pem: String, SeenOnDisk.KeyFit, Ownership?)
    /// Of a further file, by its place in the request, from 1.
    case file(Int, FileState, Ownership?)
    /// Whose the base is.
    case controller(ControllerMark)
    /// What else is on the host.
    case told(ToldByHost)
  }

  package enum FileState: String, Hashable, Sendable { case same, changed, missing }

  package enum Stream: String, Hashable, Sendable { case stdout, stderr }

  /// How the visit ended, as the host says it.
  package enum End: String, Hashable, Sendable {
    case ok, degraded, deferred
    case failedClean = "failed_clean"
    case rolledBack = "rolled_back"
    case failedDirty = "failed_dirty"
    /// The answer to a query for a visit that this host has never begun.
    case unknownToken = "unknown_token"
  }
}

extension AgentReply {
  /// Reads a frame's fields and bytes; `nil` when they are not of this protocol.
  init?(header: Substring, payload: [UInt8]) {
    var fields = header.split(separator: " ", maxSplits: 6, omittingEmptySubsequences: false)[...]
    func number() -> Int? { fields.popFirst().flatMap { Int($0) } }
    func text() -> String { fields.joined(separator: " ").visible.shortened(to: 2000) }
    switch fields.popFirst() {
    case "hello":
      guard let version = number(), let clock = number() else { return nil }
      self = .hello(version: version, clock: clock)
    case "begin":
      guard let subject = Self.subject(&fields) else { return nil }
      // How long it may take is for whoever reads along; how long to wait is the controller's own to know.
      guard number() != nil else { return nil }
      self = .begin(subject.step, subject.lineage, hook: subject.hook)
    case "output":
      guard let stream = fields.popFirst().flatMap({ Stream(rawValue: String($0)) }), let total = number()
      else {
        return nil
      }
      self = .output(stream, HookOutput.read(payload, total: total))
    case "step":
      guard let subject = Self.subject(&fields), let kind = fields.popFirst(), let value = number() else {
        return nil
      }
      let outcome: Outcome
      switch kind {
      case "ok": outcome = .succeeded
      case "exit": outcome = .exited(value)
      case "signal": outcome = .signalled(value)
      case "timeout": outcome = .timedOut
      case "error": outcome = .failed(text())
      default: return nil
      }
      self = .step(subject.step, subject.lineage, hook: subject.hook, outcome, outcome.hasText ? "" : text())
    case "await":
      guard let seconds = number() else { return nil }
      self = .await(seconds: seconds)
    case "end":
      guard let end = fields.popFirst().flatMap({ End(rawValue: String($0)) }) else { return nil }
      self = .end(end, text: text())
    case "more": self = .more
    case "seen":
      guard let lineage = fields.popFirst(), let link = fields.popFirst(),
        let key = fields.popFirst().flatMap({ SeenOnDisk.KeyFit(rawValue: String($0)) }),
        lineage.utf8.allSatisfy({ $0.isNameByte })
      else { return nil }
      let base64 = String(decoding: payload, as: UTF8.self)
      let pem =
        base64.isEmpty ? "" : "-----BEGIN CERTIFICATE-----\n\(base64)-----END CERTIFICATE-----\n"
      self = .found(
        .certificate(Lineage.Name(String(lineage)), Self.link(link), pem: pem, key, Self.ownership(fields)))
    case "file":
      guard let position = number(),
        let finding = fields.popFirst().flatMap({ FileState(rawValue: String($0)) })
      else { return nil }
      self = .found(.file(position, finding, Self.ownership(fields)))
    case "controller":
      guard fields.count == 4, let id = fields.popFirst(), let name = fields.popFirst(), let epoch = number(),
        let since = number(), (id + name).utf8.allSatisfy({ $0.isNameByte })
      else { return nil }
      self = .found(
        .controller(
          ControllerMark(
            id: String(id), name: String(name), epoch: epoch,
            lastSeen: Date(timeIntervalSince1970: Double(since)))))
    case "told":
      guard let kind = fields.popFirst().flatMap({ ToldByHost.Kind(rawValue: String($0)) }) else {
        return nil
      }
      self = .found(.told(ToldByHost(kind, String(decoding: payload, as: UTF8.self))))
    default: return nil
    }
  }

  private static func link(_ text: Substring) -> SeenOnDisk.Link {
    text == "-" ? .nothing : Int(text).map { .generation(Generation($0)) } ?? .other
  }

  /// - Parameter fields: mode, owner and group; of what is not there, dashes.
  private static func ownership(_ fields: ArraySlice<Substring>) -> Ownership? {
    let words = fields.map { String($0).visible.shortened(to: 100) }
    guard words.count == 3, words[0] != "-" else { return nil }
    return Ownership(mode: words[0], owner: words[1], group: words[2])
  }

  private static func subject(
    _ fields: inout ArraySlice<Substring>
  ) -> (step: Step, lineage: Lineage.Name?, hook: Int?)? {
    guard fields.count >= 3, let step = Step(rawValue: String(fields.removeFirst())) else { return nil }
    let lineage = fields.removeFirst()
    let hook = fields.removeFirst()
    // It is printed and stored: nothing but a name of ours is let in.
    guard lineage.utf8.allSatisfy({ $0.isNameByte }) else { return nil }
    return (step, lineage == "-" ? nil : Lineage.Name(String(lineage)), Int(hook))
  }
}

/// A stream as the agent sends it: all of it, or its first and last 32 KiB.
enum HookOutput {
  private static let half = 32768

  static func read(_ bytes: [UInt8], total: Int) -> CapturedOutput {
    guard total > bytes.count else {
      return CapturedOutput(text: printable(bytes), totalBytes: bytes.count)
    }
    let head = min(half, bytes.count / 2)
    let missing = "\n… \(total - bytes.count) bytes left out …\n"
    return CapturedOutput(
      text: printable(bytes.prefix(head)) + missing + printable(bytes.dropFirst(head)), totalBytes: total)
  }

  /// What a host prints is hostile: lines are kept, everything else that is not text is made visible.
  private static func printable(_ bytes: some Collection<UInt8>) -> String {
    String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      .map { String($0).visible }.joined(separator: "\n")
  }
}

extension Outcome {
  fileprivate var hasText: Bool { if case .failed = self { true } else { false } }
}

extension UInt8 {
  fileprivate var isNameByte: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
