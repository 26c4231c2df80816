package import Fleet

/// Asks what a host has of these certificates; nothing is changed there.
package struct AgentLook: Sendable {
  package let host: Host
  /// What the host was brought to, or is to have.
  package let certificates: [PlannedCertificate]
  /// Where further files are to be, in the order of the certificates.
  package let destinations: [AgentRequest.Destination]
  /// The public keys that are expected, each as a SubjectPublicKeyInfo in DER (RFC 5280, 4.1.2.7).
  package let publicKeys: [(lineage: Lineage.Name, key: [UInt8])]

  package init(
    at host: Host, certificates: [PlannedCertificate], destinations: [AgentRequest.Destination],
    publicKeys: [(lineage: Lineage.Name, key: [UInt8])]
  ) {
    self.host = host
    self.certificates = certificates
    self.destinations = destinations
    self.publicKeys = publicKeys
  }

  /// Script, request and start, for the stdin of `AgentScript.command`.
  package func bytes(nonce: String) -> [UInt8] {
    let head = ["visit look 0 0 0 \(host.name) 0 0", "base \(AgentField.encode(host.base))"]
    let records =
      certificates.map(AgentRequest.record(of:)) + publicKeys.compactMap(AgentRequest.record(of:))
      + destinations.map(AgentRequest.record(of:))
    return AgentRequest.framed(records: head + records, nonce: nonce, command: "look", host: host)
  }
}
