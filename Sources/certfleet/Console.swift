import Dispatch
import Fleet
import FoundationEssentials
import Glibc
import Reporting
import Synchronization

/// The only place that writes to the terminal. Results go to stdout; progress and errors to stderr, where a
/// terminal also gets a status line that is redrawn below what has been said.
final class Console: Sendable {
  static let standard = Console()

  let isLive: Bool
  private let status = Mutex("")
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
    status.withLock { status in
      write(erase(status) + line + "\n" + status, to: STDERR_FILENO)
    }
  }

  /// A line of the debug log, with the moment in UTC.
  func debug(_ line: String) {
    let moment = Date().formatted(.iso8601.time(includingFractionalSeconds: true))
    say("debug \(moment): \(line.visible)")
  }

  /// Replaces the status line; an empty one removes it. Without a terminal there is none.
  func show(status text: String) {
    guard isLive else { return }
    status.withLock { status in
      let line = String(text.prefix(Self.columns - 1))
      write(erase(status) + line, to: STDERR_FILENO)
      status = line
    }
  }

  /// Asks a yes-or-no question.
  func confirm(_ question: String) -> Bool {
    write("\(question) [y/N]: ", to: STDERR_FILENO)
    flush()
    return ["y", "yes"].contains(readLine()?.trimmed.lowercased())
  }

  var canAsk: Bool { isatty(STDIN_FILENO) == 1 }

  private func erase(_ status: String) -> String { status.isEmpty ? "" : "\r\u{1B}[K" }

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
    let environment = ProcessInfo.processInfo.environment
    guard isatty(STDOUT_FILENO) == 1 else { return .plain }
    let isPlain = environment["TERM"] == "dumb" || !(environment["NO_COLOR"] ?? "").isEmpty
    return Screen(width: max(Self.width(of: STDOUT_FILENO) ?? 80, 40), hasColour: !isPlain)
  }
}
