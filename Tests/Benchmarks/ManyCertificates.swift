import Agents
import Fleet
import Foundation
import PKI
import ThrowawayFleet
import struct Fleet.Host

/// The agent alone, with many certificates for one host in one visit, each with a deploy hook and a further file of its own: what
/// is done for one of them must not take longer the more there are.
struct ManyCertificates {
  /// The best of several, in seconds.
  private static let tries = 2

  /// 400 beside 100, of a first visit and of a renewal the worse.
  static func ratio() async throws -> Double {
    let (few, many) = (try await seconds(100), try await seconds(400))
    let shown = (few + many).map { $0.formatted(.number.precision(.fractionLength(2))) }
    Said.line(
      "certificates on one host: 100 in \(shown[0]) s, renewed in \(shown[1]) s; 400 in \(shown[2]) s, renewed in \(shown[3]) s"
    )
    return zip(many, few).map { $0 / $1 }.max() ?? 0
  }

  /// Of the first visit, and of the renewal.
  private static func seconds(_ count: Int) async throws -> [Double] {
    var best = [Double.infinity, .infinity]
    for _ in 0..<tries {
      let scratch = try ScratchFolder()
      let folder = scratch.path
      try Files.makeFolder(folder + "/haproxy")
      try await SelfSigned.make("one.example", in: folder)
      for visit in 0...1 { best[visit] = min(best[visit], try await seconds(count, visit + 1, in: folder)) }
    }
    return best
  }

  private static func seconds(_ count: Int, _ generation: Int, in folder: String) async throws
    -> Double
  {
    let request = try request(count, Generation(generation), in: folder)
    let input = folder + "/request"
    try Files.write(input, String(decoding: request.bytes(now: Date()), as: UTF8.self))
    let started = ContinuousClock.now
    let agent = try Running(
      "/bin/sh", ["-s"], environment: ["HOME": folder], stdin: input, stdout: folder + "/out",
      stderr: folder + "/out")
    _ = await agent.ended()
    let taken = started.duration(to: .now).components
    guard Files.read(folder + "/out").contains(" end ok\n") else {
      throw Program.Failed("\(count) certificates: \(Files.read(folder + "/out").suffix(500))")
    }
    return Double(taken.seconds) + Double(taken.attoseconds) / 1e18
  }

  private static func request(
    _ count: Int, _ generation: Generation, in folder: String
  ) throws -> AgentRequest {
    let (chain, key) = (Files.read(folder + "/cert.pem"), Files.read(folder + "/key.pem"))
    let publicKey = try CertificateChain(pem: chain).leaf.publicKey()
    let names = (1...count).map { Lineage.Name("site\($0).example") }
    let certificates = names.map { name in
      PlannedCertificate(
        lineage: name, generation: generation, fingerprint: "f", domains: [name.rawValue],
        hooks: Hooks(deploy: [Hook(command: ": \(name)")]), verify: [])
    }
    let files = names.flatMap { name in
      [
        ("cert.pem", "0644", chain), ("chain.pem", "0644", ""), ("fullchain.pem", "0644", chain),
        ("privkey.pem", "0600", key),
      ].map { AgentRequest.File(lineage: name, name: $0, mode: $1, content: Array($2.utf8)) }
    }
    return AgentRequest(
      nonce: "n0nce", token: VisitToken("t\(generation)"), epoch: 1, rollout: Rollout.ID(1), wave: 1,
      visit: PlannedVisit(
        host: Host(name: "web1", address: "a", base: folder + "/base"), certificates: certificates),
      materials: .init(
        files: files, publicKeys: names.map { ($0, publicKey) },
        destinations: names.map {
          AgentRequest.Destination(
            lineage: $0, parts: ["fullchain.pem", "privkey.pem"], path: "\(folder)/haproxy/\($0).pem",
            mode: "0600", owner: nil, group: nil, allowances: [])
        }), confirmTimeout: .zero)
  }
}
