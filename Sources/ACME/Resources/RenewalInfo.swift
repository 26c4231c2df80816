package import FoundationEssentials

/// RFC 9773 §4.2: when the server wants a certificate to be renewed.
package struct RenewalInfo: Sendable, Decodable {
  package let window: DateInterval
  /// A page that tells why the window is as it is.
  package let explanation: URL?

  private enum Key: String, CodingKey { case suggestedWindow, explanationURL }
  private struct Window: Decodable {
    let start: String
    let end: String
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    let given = try values.decode(Window.self, forKey: .suggestedWindow)
    // §4.2: RFC 3339 times; "A RenewalInfo object in which the end timestamp equals or precedes the start timestamp
    // is invalid."
    guard let start = Self.moment(given.start), let end = Self.moment(given.end), start < end else {
      throw DecodingError.dataCorruptedError(
        forKey: .suggestedWindow, in: values, debugDescription: "not a window")
    }
    window = DateInterval(start: start, end: end)
    explanation = (try? values.decodeIfPresent(URL.self, forKey: .explanationURL)) ?? nil
  }

  private static func moment(_ text: String) -> Date? {
    let plain = Date.ISO8601FormatStyle(includingFractionalSeconds: false)
    return (try? plain.parse(text))
      ?? (try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text))
  }
}
