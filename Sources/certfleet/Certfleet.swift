import CSystem
import Connections
import FoundationEssentials
import Glibc
import System

@main
enum Certfleet {
  /// In the order in which help shows them.
  static let commands: [Command] = [
    .start, .apply, .plan, .run, .serve, .look, .report, .doctor, .notifyTest, .notifyFailure, .hostList,
    .hostShow,
    .hostImport,
    .hostDiscover,
    .hostPin, .hostCheck,
    .hostClaim,
    .hostRetire,
    .certList,
    .certShow,
    .certIssue,
    .certRenew,
    .certRevoke, .certRevert, .certRetire, .certExport, .certAdopt,
    .accountList, .accountRegister, .accountRollover, .accountDeactivate, .rolloutList, .rolloutShow,
    .rolloutStart, .rolloutWatch, .rolloutApprove, .rolloutPause, .rolloutResume, .rolloutCancel,
    .rolloutRetry, .rolloutRollback, .log, .agentShow,
    .agentInstall, .agentUninstall, .backup, .restore, .migrate, .controllers,
    .hookCertbot, .completion, .manual, .schema,
  ]

  static func main() async {
    // A reader that goes away (`| head`) must not end a rollout.
    signal(SIGPIPE, SIG_IGN)
    umask(0o077)
    var (code, owner): (ExitStatus, String?) = (.internal, nil)
    do {
      // What is typed says whose state it is. Becoming another user takes back that memory is our own (PR_SET_DUMPABLE(2const)).
      var parsed = try parse()
      if case .run(let invocation) = parsed {
        owner = try StateOwner.become(of: invocation.statePath)
        if owner != nil { parsed = try parse() }
      }
      keepMemoryToOurselves()
      raiseDescriptorLimit()
      Heap.share()
      switch parsed {
      case .help(let text):
        Console.standard.result(text)
        code = .converged
      case .run(let invocation):
        if invocation.isVerbose { DebugLog.send(to: Console.standard.debug) }
        code = try await invocation.command.perform(invocation)
      }
    } catch {
      Console.standard.show([])
      let lines = ErrorText.lines(for: error)
      for line in lines { Console.standard.say(line) }
      if let hint = owner.flatMap({ StateOwner.hint($0, after: lines) }) { Console.standard.say(hint) }
      if let usage = (error as? UsageError)?.command?.usage { Console.standard.say(usage) }
      code = ExitStatus(for: error)
    }
    if let (reason, isReaderGone) = Console.standard.lostResult {
      // Who reads no further, as `| head`, knows.
      if !isReaderGone { Console.standard.say("certfleet: the result could not be written: \(reason)") }
      if code == .converged { code = .failed }
      Console.standard.flush()
    }
    // Not exit(3): it takes OpenSSL apart (OPENSSL_cleanup(3)) while the thread of the SSH connections may still be at work.
    _exit(code.rawValue)
  }

  private static func parse() throws -> CommandLineParser.Parsed {
    try CommandLineParser(commands: commands, environment: ProcessInfo.processInfo.environment)
      .parse(Array(CommandLine.arguments.dropFirst()))
  }

  /// Private keys are in memory at times. They must not end in a core dump, be read by another process of the same user, or be
  /// printed by Swift's runtime, which where its backtraces are on shows the stack and what registers point to.
  private static func keepMemoryToOurselves() {
    for number in [SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGQUIT, SIGSEGV, SIGTRAP] { signal(number, SIG_DFL) }
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    guard certfleet_keep_memory_to_ourselves() == 0 else {
      Console.standard.say(
        "certfleet: memory cannot be kept from other processes: \(String(cString: strerror(errno)))")
      Console.standard.flush()
      _exit(ExitStatus.internal.rawValue)
    }
  }
}
