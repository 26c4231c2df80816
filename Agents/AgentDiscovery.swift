package import Fleet

/// Asks what else is on a host that has to do with certificates; nothing is changed there, and no key is opened.
package enum AgentDiscovery: Sendable {
  /// What services' configurations and other clients of CAs say, and where something listens.
  case survey
  /// What these files are: the certificate in those that may have one, and whose all of them are.
  case files(certificates: [String], keys: [String])

  /// Script, request and start, for the stdin of `AgentScript.command`.
  package func bytes(nonce: String, host: Host) -> [UInt8] {
    let head = ["visit discover 0 0 0 \(host.name) 0 0", "base \(AgentField.encode(host.base))"]
    var records: [String] = []
    if case .files(let certificates, let keys) = self {
      records =
        certificates.map { "read \(AgentField.encode($0))" } + keys.map { "list \(AgentField.encode($0))" }
    }
    return AgentRequest.framed(records: head + records, nonce: nonce, command: "discover", host: host)
  }
}
