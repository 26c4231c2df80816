import FoundationEssentials
import Glibc

/// Places where a test can have the process killed, as by a crash: `CERTFLEET_FAILPOINT` names one. Release builds
/// have none.
package enum Failpoint {
  package static func pass(_ name: @autoclosure () -> String) {
    #if DEBUG
      if ProcessInfo.processInfo.environment["CERTFLEET_FAILPOINT"] == name() { kill(getpid(), SIGKILL) }
    #endif
  }
}
