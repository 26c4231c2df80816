package import Fleet
import FoundationEssentials
import PKI
import System

/// RFC 8555 §8.4 by RFC 2136: nsupdate(1) puts the record into the zone, signed with TSIG.
package struct DNSUpdate: Solver {
  package let type = "dns-01"
  private let update: NSUpdate
  private let propagation: Propagation

  /// A record that stays a minute in caches, where it is not seen anyway before it is there.
  private static let timeToLive = 60

  package init(_ update: NSUpdate, _ challenge: Challenge.DNS01) {
    self.update = update
    propagation = Propagation(resolver: challenge.resolver, timeout: challenge.propagationTimeout)
  }

  package func present(_ proof: Proof) async throws {
    let record = TXTRecord(of: proof)
    let name = try UpdateText.name(try await propagation.target(of: record.name))
    try await send(
      "update add \(name) \(Self.timeToLive) TXT \(try UpdateText.value(record.value))", for: proof)
  }

  package func waitUntilVisible(_ proofs: [Proof]) async throws {
    for proof in proofs { try await propagation.wait(for: TXTRecord(of: proof)) }
  }

  /// This value alone: another order may have its own under the same name.
  package func cleanUp(_ proof: Proof) async throws {
    let record = TXTRecord(of: proof)
    let name = try UpdateText.name(try await propagation.target(of: record.name))
    try await send("update delete \(name) TXT \(try UpdateText.value(record.value))", for: proof)
  }

  private func send(_ line: String, for proof: Proof) async throws {
    var lines: [String] = []
    if let server = update.server { lines.append("server \(try UpdateText.server(server)) \(update.port)") }
    if let zone = update.zone { lines.append("zone \(try UpdateText.name(zone))") }
    lines += [line, "send"]
    let result = try await ChildProcess.program(
      "nsupdate", ["-t", "20", "-k", update.keyFile], input: lines.joined(separator: "\n") + "\n",
      package: "bind9-dnsutils", deadline: .seconds(40)
    ).run()
    guard result.status == 0 else {
      let said =
        result.lastLine.isEmpty ? "status \(result.status)" : result.lastLine.visible.shortened(to: 300)
      throw ProofFailure(
        "\(proof.domain): nsupdate was refused: \(said); check the key, its rights and the zone")
    }
  }
}
