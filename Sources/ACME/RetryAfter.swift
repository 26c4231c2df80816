public import Foundation

/// RFC 9110 §10.2.3: a number of seconds, or a date.
public enum RetryAfter {
  public static func moment(_ value: String, now: Date) -> Date? {
    if let seconds = Double(value), seconds >= 0 { return now.addingTimeInterval(seconds) }
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(secondsFromGMT: 0)
    format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
    return format.date(from: value)
  }
}
