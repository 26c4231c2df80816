import Fleet
import FoundationEssentials
extension Notification {
  /// A message for `sendmail -t` (RFC 5322, RFC 3834 5).
  package func mail(to addresses: [String]) -> String {
    """
    To: \(addresses.joined(separator: ", "))
    Subject: \(Self.header(title))
    Auto-Submitted: auto-generated
    MIME-Version: 1.0
    Content-Type: text/plain; charset=utf-8
    Content-Transfer-Encoding: 8bit

    \(text)
    """
  }

  /// RFC 2047: words that are no ASCII are base64, each at most 75 characters.
  private static func header(_ text: String) -> String {
    let text = text.shortened(to: 200)
    guard !text.allSatisfy({ $0.isASCII && !$0.isNewline }) else { return text }
    var (words, word) = ([String](), "")
    for character in text {
      if word.utf8.count + String(character).utf8.count > 42 {
        words.append(word)
        word = ""
      }
      word.append(character)
    }
    return (words + [word]).map { "=?utf-8?B?\(Data($0.utf8).base64EncodedString())?=" }.joined(
      separator: "\n ")
  }
}
