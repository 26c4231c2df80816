import FoundationEssentials
import System
import Glibc

/// Where the state is when nobody says so.
package enum StateFolder {
  package static let standardText = "$CERTFLEET_HOME, or /var/lib/certfleet for root"

  /// The XDG Base Directory Specification: state belongs to `$XDG_STATE_HOME`, by default `~/.local/state`.
  package static func standard(_ environment: [String: String]) -> String {
    if let home = environment["CERTFLEET_HOME"], !home.isEmpty { return home }
    if geteuid() == 0 { return "/var/lib/certfleet" }
    let state = environment["XDG_STATE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
    return (state ?? "\(SystemUser.home(environment))/.local/state") + "/certfleet"
  }
}
