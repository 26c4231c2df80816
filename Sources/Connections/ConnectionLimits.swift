import Fleet
import FoundationEssentials
import Glibc
import Synchronization
import System

/// How many connections there may be, of each kind: what is good for the hosts, and what this machine can carry.
final class ConnectionLimits: Sendable {
  /// Agreeing on keys and logging in, at once: beyond what the processors can do they only make each other wait.
  let handshakes = ConcurrencyLimiter(width: 64)
  let starts = RateLimiter(perSecond: 250)
  private let sessions: ConcurrencyLimiter
  /// A process each, on this machine.
  private let processes = ConcurrencyLimiter(width: 64)
  private let jumps = Mutex<[Host.Name: ConcurrencyLimiter]>([:])

  /// Through one jump host, at once: a small machine does not have to carry a whole fleet.
  private static let mostThroughOneHost = 32
  /// For the database, the log, TLS probes, and whatever the system's libraries open.
  private static let reserve = 64
  /// A session's socket and a probe's, and both ends of a pair where it goes through a jump host.
  private static let perSession = 4

  init() {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    let descriptors = Int(clamping: limit.rlim_cur)
    sessions = ConcurrencyLimiter(width: (descriptors - Self.reserve) / Self.perSession)
  }

  /// What a connection to a host has to pass.
  func limiters(for host: Host, by way: ConnectionWay.Kind) -> [ConcurrencyLimiter] {
    if way == .local { return [processes] }
    let common = way == .ssh ? [sessions, processes] : [sessions]
    guard let via = host.via else { return common }
    return jumps.withLock { jumps in
      let limiter = jumps[via] ?? ConcurrencyLimiter(width: Self.mostThroughOneHost)
      jumps[via] = limiter
      return common + [limiter]
    }
  }
}

/// As many descriptors as the system lets this process have. To be called once, at the start.
package func raiseDescriptorLimit() {
  var limit = rlimit()
  getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  limit.rlim_cur = min(limit.rlim_max, 65536)
  setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
