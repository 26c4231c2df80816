import CSSH2
import FoundationEssentials

/// A connection as the way to others, over channels to where they listen (RFC 4254 §7.2).
extension SSHConnection {
  /// - Returns: a socket of this process that is connected to the server.
  func forward(to endpoint: Endpoint, until deadline: ContinuousClock.Instant) async throws(SSHFailure)
    -> Int32
  {
    try requireOpen()
    let forwarding = try ready()
    let result = await loop.suspended { answer in
      forwarding.add(
        ChannelOpenQueue.Request(
          host: endpoint.address, port: Int32(endpoint.port), deadline: deadline, answer: answer))
    }
    return try result.get()
  }

  /// Takes no more, and closes when the last that goes through it has ended.
  package func retire() {
    if let forwarding { forwarding.retire() } else { close() }
  }

  private func ready() throws(SSHFailure) -> Forwarding {
    if let forwarding { return forwarding }
    let made = try Forwarding(session: session.pointer, socket: session.descriptor)
    forwarding = made
    Task { await carry(made) }
    return made
  }

  /// For as long as the connection lives.
  private func carry(_ forwarding: Forwarding) async {
    while !forwarding.hasEnded {
      guard forwarding.goOn({ session.greeting.arrivals }), !forwarding.isDone else {
        close()
        return
      }
      _ = await loop.wait(
        for: forwarding.descriptor, reading: true, writing: false, until: forwarding.nextDeadline)
    }
  }
}
