package import Agents
package import Fleet
import FoundationEssentials

/// Looks at what a host has on its disk: one connection, one answer, and nothing is changed there.
package struct HostLook: Sendable {
  private let look: AgentLook
  private let connector: any Connector
  private let read: @Sendable (String) -> SeenCertificate?

  /// - Parameter read: makes of a certificate in PEM what is kept of it.
  package init(
    _ look: AgentLook, connector: any Connector, read: @escaping @Sendable (String) -> SeenCertificate?
  ) {
    (self.look, self.connector, self.read) = (look, connector, read)
  }

  package struct Findings: Sendable {
    /// By the lineages that were asked about; one that the host did not tell of is not there.
    package var seen: [Lineage.Name: SeenOnDisk] = [:]
    /// Whose the base is, where it says so.
    package var controller: ControllerMark?
  }

  package enum Result: Sendable {
    case seen(Findings)
    /// It does not let us in, or its agent does not answer, until a person has acted.
    case refused(String)
    case unreachable(String)
  }

  /// A host that is looked at has nothing to wait for.
  private static let patience = Duration.seconds(60)

  package func run() async -> Result {
    let connection: AgentConnection
    do {
      connection = try await AgentConnection.open(to: look.host, over: connector)
    } catch { return error.isPassing ? .unreachable(error.reason) : .refused(error.reason) }
    let nonce = Nonce.make()
    let frames = 3 + look.certificates.count + look.destinations.count
    let replies = AgentReplyStream(
      nonce: nonce, order: AgentReplyOrder(.look),
      limits: .init(time: Self.patience * 2, silence: Self.patience, frames: frames))
    var findings = Findings()
    let result: AgentConnection.Result<Result> = await connection.ask(
      [look.bytes(nonce: nonce)], replies
    ) { reply, _ in
      switch reply {
      case .found(.certificate(let declared, let link, let pem, let key, let ownership)):
        guard let certificate = look.certificates.first(where: { $0.lineage.declared == declared }) else {
          return .goOn
        }
        findings.seen[certificate.lineage] = SeenOnDisk(
          link: link, certificate: pem.isEmpty ? nil : read(pem), key: key,
          flaws: Self.flaws(of: ownership, for: certificate, key))
      case .found(.file(let position, let state, let ownership)):
        guard look.destinations.indices.contains(position - 1) else { return .goOn }
        let file = look.destinations[position - 1]
        if let flaw = Self.flaw(of: file, state, ownership) {
          findings.seen[file.lineage]?.flaws.append(flaw)
        }
      case .found(.controller(let mark)): findings.controller = mark
      case .end(.ok, _): return .answer(.seen(findings))
      case .end(_, let text): return .answer(.refused(text))
      case .hello, .more, .begin, .output, .step, .await, .found(.told): break
      }
      return .goOn
    }
    return switch result {
    case .answered(let result): result
    case .notStarted(let reason): .refused(reason)
    case .lost(let reason): .unreachable(reason)
    }
  }

  /// As it was declared, or where nothing was, so that nobody but its owner and its group reads it.
  private static func flaws(
    of ownership: Ownership?, for certificate: PlannedCertificate, _ key: SeenOnDisk.KeyFit
  ) -> [String] {
    guard let ownership, key != .none else { return [] }
    guard let layout = certificate.layout else {
      return ownership.octal.hasSuffix("0") ? [] : ["privkey.pem can be read by others (\(ownership.octal))"]
    }
    return difference(ownership, owner: layout.owner, group: layout.group, mode: layout.mode).map {
      ["privkey.pem \($0)"]
    } ?? []
  }

  private static func flaw(
    of file: AgentRequest.Destination, _ state: AgentReply.FileState, _ ownership: Ownership?
  ) -> String? {
    switch state {
    case .missing: "\(file.path) is missing"
    case .changed: "\(file.path) has another content"
    case .same:
      ownership.flatMap { difference($0, owner: file.owner, group: file.group, mode: file.mode) }.map {
        "\(file.path) \($0)"
      }
    }
  }

  private static func difference(
    _ found: Ownership, owner: String?, group: String?, mode: String
  ) -> String? {
    let wanted = [mode, owner ?? found.owner, group ?? found.group]
    let has = [found.octal, found.owner, found.group]
    guard wanted != has else { return nil }
    return "is \(has.joined(separator: " ")), and \(wanted.joined(separator: " ")) is declared"
  }
}
