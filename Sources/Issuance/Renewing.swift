package import ACME
package import Fleet
package import FoundationEssentials
import PKI

/// When a CA wants certificates renewed, by RFC 9773.
package enum Renewing {
  /// §4.3.2: "clients SHOULD set reasonable limits on their checking interval": one minute to one day.
  private static let shortest: TimeInterval = 60
  private static let longest: TimeInterval = 86400
  /// §4.3: where the server does not say, six hours.
  private static let usual: TimeInterval = 6 * 3600

  /// Asks the CA about a certificate. What cannot be learned now is no reason to fail: the certificate's own dates
  /// stand until the next time.
  ///
  /// - Parameter earlier: what was known; its moment stays while the CA's window does.
  package static func advice(
    for generation: Generation, renewalID: String?, from client: ACMEClient, earlier: RenewalAdvice?,
    now: Date
  ) async -> RenewalAdvice {
    let silent = RenewalAdvice(
      generation: generation, window: nil, moment: nil, askAgain: now.addingTimeInterval(usual))
    guard let renewalID else { return silent }
    guard let answer = try? await client.renewalInfo(of: renewalID) else {
      guard var known = earlier, known.generation == generation else { return silent }
      known.askAgain = now.addingTimeInterval(usual)
      return known
    }
    let wanted = answer.retryAfter?.timeIntervalSince(now) ?? usual
    let window = answer.value.window
    let isSame = earlier?.generation == generation && earlier?.window == window
    return RenewalAdvice(
      generation: generation, window: window, moment: isSame ? earlier?.moment : moment(in: window),
      askAgain: now.addingTimeInterval(min(max(wanted, shortest), longest)),
      explanation: answer.value.explanation?.absoluteString)
  }

  /// §4.2: "Select a uniform random time within the suggested window."
  static func moment(in window: DateInterval) -> Date {
    window.start.addingTimeInterval(.random(in: 0...window.duration))
  }
}
