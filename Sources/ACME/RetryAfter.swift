import CCurl
package import FoundationEssentials

/// RFC 9110 §10.2.3: a number of seconds, or a date.
package enum RetryAfter {
  /// No server means more than this, and a duration has an end.
  private static let longest: TimeInterval = 30 * 86400

  package static func moment(_ value: String, now: Date) -> Date? {
    if let seconds = Double(value), seconds >= 0 { return now.addingTimeInterval(min(seconds, longest)) }
    return HTTPDate.read(value).map { min($0, now.addingTimeInterval(longest)) }
  }
}

/// RFC 9110 §5.6.7: an HTTP date, as curl_getdate(3) reads it.
enum HTTPDate {
  static func read(_ text: String) -> Date? {
    let seconds = certfleet_curl_getdate(text)
    return seconds < 0 ? nil : Date(timeIntervalSince1970: TimeInterval(seconds))
  }
}
