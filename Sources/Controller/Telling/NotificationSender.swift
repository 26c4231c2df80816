import ACME
import Fleet
import FoundationEssentials
import Glibc
import PKI
import Reporting
import System

/// Brings a message to one notifier.
struct NotificationSender: Sendable {
  let notifier: Notifier

  init(_ notifier: Notifier) { self.notifier = notifier }

  struct NotSent: Error, CustomStringConvertible {
    let description: String
  }

  func send(_ notification: Notification) async throws {
    switch notifier.way {
    case .command(let command): try await run(command, notification)
    case .mail(let addresses): try await mail(notification, to: addresses)
    case .webhook(let url, let form, let secretFile, let caFile):
      guard let url = URL(string: url) else { throw NotSent(description: "'\(url)' is no URL") }
      try await post(notification, form, to: url, caFile: caFile, secret: try secretFile.map(Self.secret))
    }
  }

  private static let patience = Duration.seconds(30)
  private static let sendmail = ["/usr/sbin/sendmail", "/usr/lib/sendmail", "/usr/bin/sendmail"]

  private func mail(_ notification: Notification, to addresses: [String]) async throws {
    guard let program = Self.sendmail.first(where: { access($0, X_OK) == 0 }) else {
      throw NotSent(description: "there is no sendmail on this machine; install a mail server, or msmtp-mta")
    }
    let result = try await ChildProcess.program(
      program, ["-t", "-i"], input: notification.mail(to: addresses), package: "msmtp-mta",
      deadline: Self.patience
    ).run()
    try check(result, "sendmail")
  }

  /// What it is in few words is in its environment, and all of it on its stdin.
  private func run(_ command: String, _ notification: Notification) async throws {
    let body = String(decoding: try notification.body(.json, secret: nil), as: UTF8.self)
    let environment = [
      "CERTFLEET_SEVERITY": notification.severity.rawValue, "CERTFLEET_TITLE": notification.title,
      "CERTFLEET_TEXT": notification.text,
    ]
    let result = try await ChildProcess.shell(
      command, environment: environment, input: body + "\n", deadline: Self.patience
    ).run()
    try check(result, "the command")
  }

  private func check(_ result: ChildProcess.Result, _ what: String) throws {
    guard result.status != 0 || result.timedOut else { return }
    let last = result.lastLine.visible.shortened(to: 200)
    let why = result.timedOut ? "did not end in \(Self.patience.short)" : "ended with \(result.status)"
    throw NotSent(description: "\(what) \(why)\(last.isEmpty ? "" : ": \(last)")")
  }

  // MARK: Webhooks

  /// A receiver that does not answer is tried again, after a second and after three.
  private static let pauses: [Duration] = [.seconds(1), .seconds(3)]

  private func post(
    _ notification: Notification, _ form: Notifier.WebhookForm, to url: URL, caFile: String?, secret: String?
  ) async throws {
    let body = try notification.body(form, secret: secret)
    var headers = notification.headers(form)
    if let secret {
      switch form {
      case .json: headers["X-Certfleet-Signature"] = try Self.signature(of: body, secret, at: Date())
      case .ntfy, .slack, .teams: headers["Authorization"] = "Bearer \(secret)"
      case .pagerduty: break
      }
    }
    let http = HTTPClient(caFile: caFile, agent: "certfleet/\(Product.version)")
    var last: any Error = NotSent(description: "not tried")
    for pause in [.zero] + Self.pauses {
      try await Task.sleep(for: pause)
      do {
        let response = try await http.send(HTTPRequest(.post, url, headers: headers, body: body))
        if (200..<300).contains(response.status) { return }
        let said = String(decoding: response.body.prefix(200), as: UTF8.self).visible
        last = NotSent(description: "\(url.host() ?? "") answered \(response.status): \(said)")
        // What is wrong with the message itself does not become better.
        guard response.status >= 500 || response.status == 429 else { break }
      } catch { last = error }
    }
    throw last
  }

  /// `t=SECONDS,v1=HEX`: HMAC-SHA256 of `SECONDS.BODY` under the secret, so that an old message cannot be sent again as a new one.
  static func signature(of body: Data, _ secret: String, at now: Date) throws -> String {
    let seconds = String(Int(now.timeIntervalSince1970))
    let code = try HMACKey(secret: secret).code(of: Array("\(seconds).".utf8) + Array(body))
    return "t=\(seconds),v1=\(code.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())"
  }

  private static func secret(_ file: String) throws -> String {
    guard let data = InputFile.read(file, most: 64 << 10) else {
      throw NotSent(description: "\(file) cannot be read")
    }
    let text = String(decoding: data, as: UTF8.self)
    return (text.split(whereSeparator: \.isNewline).first.map(String.init) ?? "").trimmed
  }
}
