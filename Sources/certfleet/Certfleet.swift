import Foundation
import SSH

@main
enum Certfleet {
  static let version = "0.1.0"

  /// In the order in which help shows them.
  static let commands: [Command] = [
    .apply, .plan, .run, .report, .hostList, .hostPin, .hostCheck, .certList, .certShow, .certIssue,
    .certRenew,
    .certRevoke, .certRevert, .certExport, .certAdopt,
    .accountList, .accountRegister, .accountRollover, .accountDeactivate, .rolloutList, .rolloutShow,
    .rolloutStart, .rolloutWatch, .rolloutApprove, .rolloutPause, .rolloutResume, .rolloutCancel,
    .rolloutRetry, .rolloutRollback, .log, .agentShow,
    .agentInstall,
    .hookCertbot,
  ]

  static func main() async {
    // A reader that goes away (`| head`) must not end a rollout.
    signal(SIGPIPE, SIG_IGN)
    umask(0o077)
    // Private keys are in memory at times: they must not end in a core dump.
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    ConnectionLimits.raiseDescriptorLimit()
    EventLoop.shareHeap()
    let parser = CommandLineParser(commands: commands, environment: ProcessInfo.processInfo.environment)
    let code: ExitCode
    do {
      switch try parser.parse(Array(CommandLine.arguments.dropFirst())) {
      case .help(let text):
        Console.standard.result(text)
        code = .converged
      case .run(let invocation): code = try await invocation.command.perform(invocation)
      }
    } catch {
      Console.standard.show(status: "")
      for line in ErrorText.lines(for: error) { Console.standard.say(line) }
      if let usage = (error as? UsageError)?.command?.usage { Console.standard.say(usage) }
      code = ErrorText.exitCode(for: error)
    }
    Console.standard.flush()
    // Not exit(3): it takes OpenSSL apart (OPENSSL_cleanup(3)) while the thread of the SSH connections may still be at work.
    _exit(code.rawValue)
  }
}
