import ACME
import Connections
import Controller
import Engine
import Fleet
import Inventory
import Issuance
import PKI
import Reporting
import SSH
import Storage
import System

/// What the process tells its caller (sysexits(3) from 64 on). Help and reference show these lines.
enum ExitStatus: Int32, Sendable, CaseIterable {
  case converged = 0
  case failed = 1
  case unreachable = 2
  case waiting = 3
  case usage = 64
  case badInput = 65
  case `internal` = 70
  case anotherController = 75

  var meaning: String {
    switch self {
    case .converged: "all is as it should be"
    case .failed:
      "a person must act: hosts failed, a rollout halted, a certificate was not issued, a host serves another still"
    case .unreachable: "nothing worse than hosts that could not be reached, within the budget"
    case .waiting: "a rollout waits for approval, its window or a bake"
    case .usage: "wrong usage"
    case .badInput: "a bad inventory, or a name, folder or key that does not fit"
    case .internal: "a defect of certfleet"
    case .anotherController: "another certfleet is at work"
    }
  }

  init(_ outcome: RunOutcome) {
    self =
      switch outcome {
      case .converged: .converged
      case .waiting: .waiting
      case .unreachable: .unreachable
      case .failed: .failed
      }
  }

  init(_ checked: [CheckedHost]) {
    let results = Set(checked.map(\.result))
    self =
      results.contains(.lacking) ? .failed : results.contains(.unreachable) ? .unreachable : .converged
  }

  init(_ look: LookReport) {
    let results = Set(look.items.map(\.result))
    self =
      !results.isDisjoint(with: [.drifted, .refused])
      ? .failed : results.contains(.unseen) ? .unreachable : .converged
  }

  /// Nagios has codes of its own, from 0 to 3, which this command uses as they are.
  static func checked(_ state: FleetCheck.State) -> ExitStatus {
    ExitStatus(rawValue: state.rawValue) ?? .internal
  }

  init(for error: any Error) {
    self =
      switch error {
      case is UsageError: .usage
      case is InvalidInventory, is ControllerError, is StateDirectory.Unsafe, is Migrations.WrittenByNewer,
        is Migrations.OthersAtWork,
        is Store.Missing, is Selector.Malformed, is ReadyMadeHook.Unreadable,
        is CertbotInstallation.Unreadable, is HMACKey.Unreadable, is KnownHostsImport.Unreadable,
        is SSHConfig.Unreadable, is AccountFailure, is Backup.Unusable, is Store.KeyErased, is Declined,
        is StateOwner.Refused, is PostgreSQLAddress.Unusable, is StateDirectory.NoTables, is Moved:
        .badInput
      case is ControllerLease.Held: .anotherController
      case is SSHFailure: .unreachable
      // The world around is at fault: a full disk, a damaged file, a CA that is not there, a clock that is wrong.
      case is SQLiteError, is SealingKey.Unopened, is HTTPFailure, is Problem, is OtherSealingKey,
        is LogCutOff, is AlteredCertificate, is OpenSSLError, is WrongClock, is IssuanceFailure,
        is ProofFailure, is CannotListen, is CertificateChain.Refused, is ProvidedCertificate.Refused,
        is AgentTaskRunner.Failure, is ChildProcess.NotStarted, is CancellationError,
        is LeaseLost:
        .failed
      default: Self.ofServer(error)
      }
  }
}

extension ExitStatus {
  /// A database server's.
  private static func ofServer(_ error: any Error) -> ExitStatus {
    #if PostgreSQL
      if error is PostgreSQLError { return .failed }
      if error is StateTransfer.Refused { return .badInput }
    #endif
    return .internal
  }
}

/// Errors as lines on stderr. The texts are the errors' own: each says what, where and what to do next.
enum ErrorText {
  /// As many things that are wrong are shown: one slip in a file of a thousand hosts is wrong a thousand times.
  private static let most = 20

  /// One line for each thing that is wrong, each beginning with the program's name.
  static func lines(for error: any Error) -> [String] {
    let all = "\(error)".split(separator: "\n").map { "certfleet: \(String($0).visible)" }
    guard all.count > most + 1 else { return all }
    return all.prefix(most) + ["certfleet: and \(all.count - most) more of the kind; mend these first"]
  }
}
