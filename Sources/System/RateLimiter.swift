/// Spaces beginnings out: a burst of logins makes a server drop some of them (MaxStartups in sshd_config(5)).
public actor RateLimiter {
  private let interval: Duration
  private var next = ContinuousClock.now

  public init(perSecond: Int) { interval = .seconds(1) / perSecond }

  public func begin() async {
    let now = ContinuousClock.now
    let mine = max(next, now)
    next = mine + interval
    if mine > now { try? await Task.sleep(until: mine) }
  }
}
