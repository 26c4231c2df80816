import ACME
import Engine
import Fleet
import Foundation
import Inventory
import Issuance
import PKI
import SSH
import Storage
import System

/// Errors as exit codes. The texts are the errors' own: each says what, where and what to do next.
enum ErrorText {
  static func exitCode(for error: any Error) -> ExitCode {
    switch error {
    case is UsageError: .usage
    case is InvalidInventory, is BadInput, is StateDirectory.Unsafe, is Migrations.WrittenByNewer,
      is Store.Missing, is Selector.Malformed, is ReadyMadeHook.Unreadable, is CertbotInstallation.Unreadable,
      is HMACKey.Unreadable:
      .badInput
    case is ControllerLease.Held: .anotherController
    case is SSHFailure: .unreachable
    // The world around is at fault: a full disk, a damaged file, a CA that is not there, a clock that is wrong.
    case is SQLiteError, is SealingKey.Unopened, is HTTPFailure, is Problem, is OtherSealingKey, is LogCutOff,
      is AlteredCertificate, is OpenSSLError, is WrongClock, is IssuanceFailure, is ProofFailure,
      is ChildProcess.NotStarted,
      is CannotListen, is CertificateChain.Refused, is ProvidedCertificate.Refused,
      is AgentTaskRunner.Failure,
      is CancellationError:
      .failed
    default: .internal
    }
  }

  /// As many things that are wrong are shown: one slip in a file of a thousand hosts is wrong a thousand times.
  private static let most = 20

  /// One line for each thing that is wrong, each beginning with the program's name.
  static func lines(for error: any Error) -> [String] {
    let all = "\(error)".split(separator: "\n").map { "certfleet: \(String($0).visible)" }
    guard all.count > most + 1 else { return all }
    return all.prefix(most) + ["certfleet: and \(all.count - most) more of the kind; mend these first"]
  }
}

/// A request that names something that is not there, or cannot be done as it is put.
struct BadInput: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }

  /// `there is no host 'wbe1'; did you mean 'web1'?`
  static func unknown(_ kind: String, _ name: String, among known: [String], listing: String) -> BadInput {
    let hint = Nearest.suggestion(for: name, among: known)
    return BadInput(
      "there is no \(kind) '\(name.visible)'\(hint.isEmpty ? "; see: certfleet \(listing)" : hint)")
  }
}
