import Dispatch
import Fleet
import FoundationEssentials
import Glibc
import Reporting
import Synchronization

/// The only place that writes to the terminal. Results go to stdout; progress and errors to stderr, where a
/// terminal also gets a picture that is redrawn below what has been said.
final class Console: Sendable {
  static let standard = Console()

  let isLive: Bool
  /// The lines of the picture that is on the terminal.
  private let shown = Mutex<[String]>([])
  /// A terminal that is stopped (^S) or a pipe that nobody reads holds up what is said, and nothing else.
  private let output = DispatchQueue(label: "certfleet.console")

  private init() {
    isLive = isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
  }

  func result(_ text: String) { write(text, to: STDOUT_FILENO) }

  /// Why a result did not get out: a full disk, a descriptor that is closed, a reader that has gone away.
  var lostResult: (reason: String, isReaderGone: Bool)? {
    flush()
    return Self.failure.withLock { $0 }.map { (String(cString: strerror($0)).lowercased(), $0 == EPIPE) }
  }

  private static let failure = Mutex<Int32?>(nil)

  /// A line of progress or an error.
  func say(_ line: String) {
    shown.withLock { shown in
      write(erase(shown) + line + "\n" + shown.joined(separator: "\n"), to: STDERR_FILENO)
    }
  }

  /// A line of the debug log, with the moment in UTC.
  func debug(_ line: String) {
    let moment = Date().formatted(.iso8601.time(includingFractionalSeconds: true))
    say("debug \(moment): \(line.visible)")
  }

  /// Replaces the picture; an empty one removes it. Without a terminal there is none.
  func show(_ lines: [String]) {
    guard isLive else { return }
    shown.withLock { shown in
      write(erase(shown) + lines.joined(separator: "\n"), to: STDERR_FILENO)
      shown = lines
    }
  }

  /// What the picture is drawn on: one column less, as some terminals begin a new line with the last.
  var picture: Screen { Screen(width: Self.columns - 1, hasColour: hasColour) }

  /// Asks a yes-or-no question.
  func confirm(_ question: String) -> Bool {
    write("\(question) [y/N]: ", to: STDERR_FILENO)
    flush()
    return ["y", "yes"].contains(readLine()?.trimmed.lowercased())
  }

  /// Asks for a line.
  ///
  /// - Parameter usual: what an empty one stands for.
  func ask(_ question: String, or usual: String?) -> String {
    let shown = usual.map { $0.isEmpty ? "" : " [\($0)]" } ?? ""
    write("\(question)\(shown): ", to: STDERR_FILENO)
    flush()
    let answer = (readLine() ?? "").trimmed
    return answer.isEmpty ? usual ?? "" : answer
  }

  var canAsk: Bool { isatty(STDIN_FILENO) == 1 }

  /// From the last line of what is shown up to the first, which may have become more since the window was made narrower.
  private func erase(_ shown: [String]) -> String {
    guard !shown.isEmpty else { return "" }
    let width = Self.columns
    let rows = shown.reduce(0) { $0 + max(($1.withoutStyle.columns + width - 1) / width, 1) }
    return "\r\u{1B}[K" + String(repeating: "\u{1B}[A\u{1B}[2K", count: rows - 1)
  }

  /// Returns when everything is written.
  func flush() { output.sync {} }

  private func write(_ text: String, to descriptor: Int32) {
    output.async { Self.write(text, to: descriptor) }
  }

  private static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 || errno == EINTR else {
        let code = errno
        if descriptor == STDOUT_FILENO { failure.withLock { $0 = $0 ?? code } }
        return
      }
      bytes = bytes.dropFirst(max(count, 0))
    }
  }

  private static var columns: Int { width(of: STDERR_FILENO) ?? 80 }

  /// `nil` where it is no terminal.
  private static func width(of descriptor: Int32) -> Int? {
    var size = winsize()
    return ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 10 ? Int(size.ws_col) : nil
  }

  /// Where results go. Colour is for terminals that have it, and whose owner wants it (no-color.org).
  var screen: Screen {
    guard isatty(STDOUT_FILENO) == 1 else { return .plain }
    return Screen(width: max(Self.width(of: STDOUT_FILENO) ?? 80, 40), hasColour: hasColour)
  }

  private var hasColour: Bool {
    let environment = ProcessInfo.processInfo.environment
    return environment["TERM"] != "dumb" && (environment["NO_COLOR"] ?? "").isEmpty
  }
}
