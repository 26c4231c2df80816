/// Tunnels that are to be opened, one after another: libssh2 opens one channel of a session at a time. Behind one that the
/// jump host does not reach the others would wait for minutes, so they are sent elsewhere.
struct ChannelOpenQueue {
  private var requests: [Request] = []
  private var firstSince = ContinuousClock.now
  /// The first one's call goes on until the jump host answers, though nobody waits for it any more.
  private(set) var isFirstGivenUp = false

  /// So long the others wait: a host that is there answers sooner, one that is not does so after minutes.
  private static let patience = Duration.seconds(3)

  /// A tunnel that somebody waits for.
  struct Request {
    let host: String
    let port: Int32
    let deadline: ContinuousClock.Instant
    let answer: CheckedContinuation<Result<Int32, SSHFailure>, Never>

    func fail(_ failure: SSHFailure) { answer.resume(returning: .failure(failure)) }
  }

  /// The one that is being opened.
  var first: Request? { requests.first }

  var isAwaited: Bool { !awaited.isEmpty }
  private var awaited: ArraySlice<Request> { requests.dropFirst(isFirstGivenUp ? 1 : 0) }

  /// When `expire` has something to do.
  var nextDeadline: ContinuousClock.Instant {
    let deadlines = awaited.map(\.deadline) + (requests.count > 1 ? [firstSince + Self.patience] : [])
    return deadlines.min() ?? .now + .seconds(3600)
  }

  mutating func add(_ request: Request) {
    if requests.isEmpty { firstSince = .now }
    requests.append(request)
  }

  /// Gives up those whose time is over.
  mutating func expire() {
    guard let first else { return }
    let now = ContinuousClock.now
    if first.deadline <= now, !isFirstGivenUp {
      isFirstGivenUp = true
      first.fail(.unreachable("\(first.host):\(first.port) timed out at the jump host"))
    }
    let isStuck = firstSince + Self.patience <= now
    for request in requests.dropFirst() where isStuck || request.deadline <= now {
      request.fail(
        .occupied(
          "the jump host was still trying to reach \(first.host):\(first.port), and \(request.host):\(request.port) had to wait"
        ))
    }
    requests = [first] + requests.dropFirst().filter { !isStuck && $0.deadline > now }
  }

  /// The first one has its answer.
  mutating func conclude(_ result: Result<Int32, SSHFailure>) {
    let request = requests.removeFirst()
    firstSince = .now
    if isFirstGivenUp { isFirstGivenUp = false } else { request.answer.resume(returning: result) }
  }

  /// The connection is gone.
  mutating func end() {
    for request in awaited { request.fail(.unreachable("the jump host is gone")) }
    requests = []
  }
}
