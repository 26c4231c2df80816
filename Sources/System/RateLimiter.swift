/// Spaces beginnings out: a burst of logins makes a server drop some of them (MaxStartups in sshd_config(5)).
package actor RateLimiter {
  private let interval: Duration
  private var next = ContinuousClock.now

  package init(perSecond: Int) { interval = .seconds(1) / perSecond }

  package func begin() async {
    let now = ContinuousClock.now
    let mine = max(next, now)
    next = mine + interval
    if mine > now { try? await Task.sleep(until: mine) }
  }
}
