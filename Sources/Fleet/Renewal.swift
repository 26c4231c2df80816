package import FoundationEssentials
import Glibc

/// When a CA wants a certificate renewed (RFC 9773), and what we made of it.
package struct RenewalAdvice: Hashable, Sendable {
  /// The certificate that it is about.
  package var generation: Generation
  /// `nil` where the CA gives none.
  package var window: DateInterval?
  /// §4.2: "select a uniform random time within the suggested window".
  package var moment: Date?
  /// Not to be asked for before.
  package var askAgain: Date
  /// A page of the CA's that tells why.
  package var explanation: String?

  package init(
    generation: Generation, window: DateInterval?, moment: Date?, askAgain: Date, explanation: String? = nil
  ) {
    self.generation = generation
    self.window = window
    self.moment = moment
    self.askAgain = askAgain
    self.explanation = explanation
  }
}

/// What failed orders leave: how many there were in a row, and not to be tried again before when.
package struct OrderBackoff: Hashable, Sendable, Codable {
  package var failures: Int
  package var retryAt: Date
  package var reason: String
  /// Whether the CA named the moment (RFC 8555 §6.6), so that nobody may try before it.
  package var isCAs: Bool
  /// Whether it failed for a reason of the CA's: it was not reached, it is overloaded, or does not serve the account.
  package var isCAsFault: Bool

  private enum CodingKeys: String, CodingKey {
    case failures, reason
    case retryAt = "retry_at"
    case isCAs = "is_from_ca"
    case isCAsFault = "is_fault_of_ca"
  }

  package init(failures: Int, retryAt: Date, reason: String, isCAs: Bool, isCAsFault: Bool = false) {
    self.isCAsFault = isCAsFault
    self.failures = failures
    self.retryAt = retryAt
    self.reason = reason
    self.isCAs = isCAs
  }

  private static let first = 60.0

  /// After one more failure: a minute, doubled each time, up to `longest`; four fifths of it at the least, so that
  /// many lineages do not come back together. What the CA says is kept, and never for longer than `longest`.
  package static func after(
    _ earlier: OrderBackoff?, reason: String, caSays: Date?, now: Date, longest: Duration = .seconds(86400),
    isCAsFault: Bool = false, spread: Double = .random(in: 0.8...1)
  ) -> OrderBackoff {
    let failures = (earlier?.failures ?? 0) + 1
    let pause = min(first * exp2(Double(min(failures, 20) - 1)), max(longest.seconds, first)) * spread
    let ours = now.addingTimeInterval(pause)
    let latest = now.addingTimeInterval(max(longest.seconds, first))
    return OrderBackoff(
      failures: failures, retryAt: caSays.map { max(min($0, latest), ours) } ?? ours, reason: reason,
      isCAs: caSays != nil, isCAsFault: isCAsFault)
  }
}

extension OrderBackoff {
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    failures = try values.decode(Int.self, forKey: .failures)
    retryAt = try values.decode(Date.self, forKey: .retryAt)
    reason = try values.decode(String.self, forKey: .reason)
    isCAs = try values.decode(Bool.self, forKey: .isCAs)
    isCAsFault = try values.decodeIfPresent(Bool.self, forKey: .isCAsFault) ?? false
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(failures, forKey: .failures)
    try values.encode(retryAt, forKey: .retryAt)
    try values.encode(reason, forKey: .reason)
    try values.encode(isCAs, forKey: .isCAs)
    if isCAsFault { try values.encode(true, forKey: .isCAsFault) }
  }
}

extension RenewalAdvice: Codable {
  private enum Key: String, CodingKey {
    case generation, window, moment, explanation
    case askAgain = "ask_again"
  }
  private struct Window: Codable {
    let start: Date
    let end: Date
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    let window = try values.decodeIfPresent(Window.self, forKey: .window)
    self.init(
      generation: try values.decode(Generation.self, forKey: .generation),
      window: window.map { DateInterval(start: $0.start, end: max($0.start, $0.end)) },
      moment: try values.decodeIfPresent(Date.self, forKey: .moment),
      askAgain: try values.decode(Date.self, forKey: .askAgain),
      explanation: try values.decodeIfPresent(String.self, forKey: .explanation))
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(generation, forKey: .generation)
    try values.encodeIfPresent(window.map { Window(start: $0.start, end: $0.end) }, forKey: .window)
    try values.encodeIfPresent(moment, forKey: .moment)
    try values.encode(askAgain, forKey: .askAgain)
    try values.encodeIfPresent(explanation, forKey: .explanation)
  }
}
