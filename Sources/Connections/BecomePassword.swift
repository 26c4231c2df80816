import Agents
import Engine
import Fleet
import FoundationEssentials

/// The password that sudo is told when it asks for it, once. Where it does not ask, the password goes nowhere.
struct BecomePassword {
  /// In the words that sudo asks with, so that nothing else is taken for it.
  let nonce: String
  private let password: String
  private let file: String

  private static let patience = Duration.seconds(20)

  /// `nil` for a host whose sudo is not to ask.
  init?(for host: Host) throws(TransportFailure) {
    guard !host.hasAgent, let file = host.become?.passwordFile else { return nil }
    guard let text = FileManager.default.contents(atPath: file).map({ String(decoding: $0, as: UTF8.self) }),
      let line = text.split(whereSeparator: \.isNewline).first
    else {
      throw TransportFailure(
        failure: ConnectFailure(reason: "sudo's password cannot be read from \(file)", isPassing: false))
    }
    (password, self.file) = (String(line), file)
    nonce = String((0..<16).map { _ in "0123456789abcdef".randomElement() ?? "0" })
  }

  /// Waits until sudo asks, or has let us through.
  func tell(
    over channel: any CommandChannel, to host: Host
  ) async throws(TransportFailure) -> any CommandChannel {
    do {
      try await tell(channel, host)
      return channel
    } catch {
      await channel.close()
      throw TransportFailure(failure: error)
    }
  }

  private func tell(_ channel: any CommandChannel, _ host: Host) async throws(ConnectFailure) {
    let (prompt, through) = (AgentScript.passwordPrompt(nonce), AgentScript.isThrough(nonce))
    var (said, isTold) = ("", false)
    while true {
      let output: ChannelOutput
      do {
        output = try await channel.receive(within: Self.patience)
      } catch {
        throw ConnectFailure(reason: "sudo did not let us through: \(error.reason)", isPassing: true)
      }
      switch output {
      // A login that talks.
      case .stdout: continue
      case .stderr(let bytes): said += String(decoding: bytes, as: UTF8.self)
      case .ended(let status):
        let why = said.split(whereSeparator: \.isNewline).last { !$0.contains(prompt) }.map {
          String($0).visible
        }
        throw ConnectFailure(
          reason: isTold
            ? refused(host)
            : "sudo ended with status \(status)\(why.map { ": \($0.shortened(to: 200))" } ?? "")",
          isPassing: false)
      }
      if said.contains(through) { return }
      let asked = said.ranges(of: prompt).count
      guard asked > 0 else { continue }
      // Asked again: a second try might lock the account.
      guard asked == 1 else { throw ConnectFailure(reason: refused(host), isPassing: false) }
      guard !isTold else { continue }
      isTold = true
      do {
        try await channel.send(Array("\(password)\n".utf8))
      } catch { throw ConnectFailure(reason: error.reason, isPassing: true) }
    }
  }

  private func refused(_ host: Host) -> String {
    "sudo on \(host.name) refused the password in \(file) for user \(host.user ?? "(you)"); it was not tried again"
  }
}
