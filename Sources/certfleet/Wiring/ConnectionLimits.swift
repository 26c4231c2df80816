import Foundation
import SSH
import System

/// How many connections there may be, of each kind: what is good for the hosts, and what this machine can carry.
struct ConnectionLimits: Sendable {
  /// Agreeing on keys and logging in, at once: beyond what the processors can do they only make each other wait.
  let handshakes = ConcurrencyLimiter(width: 64)
  let starts = RateLimiter(perSecond: 250)
  let sessions: ConcurrencyLimiter

  /// Through one jump host, at once.
  static let mostThroughOneHost = 32
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

  /// As many descriptors as the system lets this process have.
  static func raiseDescriptorLimit() {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = min(limit.rlim_max, 65536)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
