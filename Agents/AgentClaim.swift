package import Fleet
package import FoundationEssentials

/// Makes a host's base the controller's that asks, whosever it was; the answer says whose.
package struct AgentClaim: Sendable {
  private let host: Host
  private let controller: ControllerIdentity
  private let epoch: Int

  package init(of host: Host, by controller: ControllerIdentity, epoch: Int) {
    (self.host, self.controller, self.epoch) = (host, controller, epoch)
  }

  /// Script, request and start, for the stdin of `AgentScript.command`.
  package func bytes(nonce: String, now: Date) -> [UInt8] {
    let clock = Int(now.timeIntervalSince1970)
    let records = [
      "visit claim \(epoch) 0 0 \(host.name) 0 \(clock)", "base \(AgentField.encode(host.base))",
      AgentRequest.record(of: controller, epoch: epoch, now: now),
    ]
    return AgentRequest.framed(records: records, nonce: nonce, command: "claim", host: host)
  }
}
