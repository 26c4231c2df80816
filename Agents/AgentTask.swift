package import Fleet

/// What issuing asks of a host beside any visit.
package enum AgentTask: Sendable, Codable {
  /// Files for the CA below the document root of the host's web server (RFC 8555 §8.3).
  case place([Token], webroot: String)
  case remove([Token], webroot: String)
  /// A private key that stays on the host; the answer is a PKCS#10 request in PEM.
  case makeKey(lineage: Lineage.Name, id: String, policy: KeyPolicy, names: [String])

  package struct Token: Hashable, Sendable, Codable {
    package let name: String
    package let content: String

    package init(name: String, content: String) {
      self.name = name
      self.content = content
    }
  }

  /// Script, request and start, for the stdin of `AgentScript.command`.
  package func bytes(nonce: String, host: Host) -> [UInt8] {
    let head = ["visit task 0 0 0 \(host.name) 0 0", "base \(AgentField.encode(host.base))"]
    return AgentRequest.framed(records: head + records, nonce: nonce, command: "task", host: host)
  }

  var records: [String] {
    switch self {
    case .place(let tokens, let webroot):
      tokens.map {
        "token place \(AgentField.encode(webroot)) \($0.name) \(AgentField.encode($0.content))"
      }
    case .remove(let tokens, let webroot):
      tokens.map { "token remove \(AgentField.encode(webroot)) \($0.name)" }
    case .makeKey(let lineage, let id, let policy, let names):
      [
        "key \(lineage.declared) \(id) \(policy.type.rawValue) \(policy.isReused ? "yes" : "no") "
          + AgentField.encode(names.map { ($0.isIPAddress ? "IP:" : "DNS:") + $0 }.joined(separator: ","))
      ]
    }
  }
}
