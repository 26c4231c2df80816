import ACME
import Fleet
import Foundation
import Issuance
import PKI
import Synchronization
import Testing
import ThrowawayFleet

/// Keeps the order in memory, as the store does on disk.
private final class MemoryKeeper: OrderKeeper {
  private let kept = Mutex<PendingCertificate?>(nil)
  private let urls = Mutex<[URL]>([])
  private let proofs = Mutex<Set<Proof>>([])
  var history: [URL] { urls.withLock { $0 } }
  var presented: Set<Proof> { proofs.withLock { $0 } }

  func willPresent(_ proof: Proof) async throws { _ = proofs.withLock { $0.insert(proof) } }
  func didCleanUp(_ proof: Proof) async throws { _ = proofs.withLock { $0.remove(proof) } }
  func willOrder(_ names: [String], with key: CertificateKey) async throws {}
  func pending() async throws -> PendingCertificate? { kept.withLock { $0 } }

  func keep(_ order: PendingCertificate?) async throws {
    kept.withLock { $0 = order }
    if let order { urls.withLock { $0.append(order.url) } }
  }
}

@Suite(.serialized) final class ACMEIssuerTests {
  private let scratch: ScratchFolder
  private let ca: PebbleCA
  private let client: ACMEClient
  private let keeper = MemoryKeeper()

  init() async throws {
    scratch = try ScratchFolder()
    ca = try await PebbleCA(in: scratch.path, on: .random())
    client = ACMEClient(
      directory: try #require(URL(string: ca.directory)), http: HTTPClient(caFile: ca.caFile),
      key: try PrivateKey.generate(.ecdsaP256), account: nil)
    _ = try await client.register(contact: [], agreesToTerms: true)
  }

  private func lineage(_ domains: String...) -> Lineage {
    Lineage(
      name: "c", domains: domains, issuer: "ca", deployments: [])
  }

  private var address: ListenAddress {
    ListenAddress(address: ca.network.controller, port: UInt16(ca.challengePort))
  }

  private func issuer(_ solver: any Solver) -> ACMEIssuer {
    ACMEIssuer(client: client, solver: solver, keeper: keeper) { .held(try PrivateKey.generate(.ecdsaP256)) }
  }

  @Test func `a certificate for all names comes, and the listener is gone again`() async throws {
    let listener = HTTP01Listener(address)
    let issued = try await issuer(listener).issue(lineage("a.example", "b.example"))
    #expect(Set(issued.chain.leaf.names) == ["a.example", "b.example"])
    try issued.chain.check(key: issued.key, names: ["a.example", "b.example"], at: Date())
    #expect(keeper.presented.isEmpty)
    #expect(!issued.chain.intermediates.isEmpty)
    #expect(Loopback.answers(ca.network.controller, UInt16(ca.challengePort)))
    listener.close()
    try await eventually("the port is free") {
      !Loopback.answers(ca.network.controller, UInt16(ca.challengePort))
    }
    await ca.stop()
  }

  @Test func `an order that was finished before a crash gives the same certificate again`() async throws {
    let listener = HTTP01Listener(address)
    let first = try await issuer(listener).issue(lineage("a.example"))
    // The keeper still holds the order, as after a crash before the certificate was stored.
    let second = try await issuer(listener).issue(lineage("a.example"))
    #expect(try first.chain.leaf.fingerprint() == second.chain.leaf.fingerprint())
    #expect(keeper.history.count == 1)
    let third = try await issuer(listener).issue(lineage("a.example", "b.example"))
    #expect(keeper.history.count == 2)
    #expect(try third.chain.leaf.fingerprint() != first.chain.leaf.fingerprint())
    listener.close()
    await ca.stop()
  }

  @Test func `a validation that fails names every domain and the CA's reason, and ends the order`()
    async throws
  {
    struct Silent: Solver {
      let type = "http-01"
      func present(_ proof: Proof) async throws {}
      func cleanUp(_ proof: Proof) async {}
    }
    await #expect { try await issuer(Silent()).issue(lineage("a.example", "b.example")) } throws: { error in
      ["a.example", "b.example"].allSatisfy { "\(error)".contains("\($0): http-01 failed:") }
        && "\(error)".contains("refused")
    }
    #expect(try await keeper.pending() == nil)
    await ca.stop()
  }

  @Test func `a port that is taken is named with what to do`() async throws {
    let address = ListenAddress(address: ca.network.authority, port: 14000)
    await #expect { try await issuer(HTTP01Listener(address)).issue(lineage("a.example")) } throws: {
      "\($0)".contains("cannot listen on \(address)") && "\($0)".contains("set another challenge.listen")
    }
    await ca.stop()
  }

  @Test func `only exact tokens are answered`() async throws {
    let listener = HTTP01Listener(address)
    let proof = Proof(domain: "a", token: "tok", keyAuthorization: "tok.key")
    try await listener.present(proof)
    let base = "http://\(ca.network.controller):\(ca.challengePort)"
    let curl = try Program.find("curl")
    func get(_ path: String, _ more: String...) async throws -> String {
      try await Program.run(curl, ["-s", "--path-as-is", "-w", "|%{http_code}", base + path] + more).stdout
    }
    #expect(try await get("/.well-known/acme-challenge/tok") == "tok.key|200")
    for path in [
      "/.well-known/acme-challenge/", "/.well-known/acme-challenge/tok2",
      "/.well-known/acme-challenge/../acme-challenge/tok", "/",
    ] {
      #expect(try await get(path).hasSuffix("|404"), "\(path)")
    }
    #expect(try await get("/.well-known/acme-challenge/tok", "-d", "x").hasSuffix("|000"))
    // Many at once, some of which say nothing, as from a CA's several places for many orders.
    let silent = (0..<100).map { _ in Loopback.connect(ca.network.controller, UInt16(ca.challengePort)) }
    let many = try await Program.run(
      curl,
      [
        "-s", "-Z", "--parallel-immediate", "--parallel-max", "200", "-o", "/dev/null", "-w",
        "%{http_code}\n",
      ]
        + (0..<200).map { "\(base)/.well-known/acme-challenge/tok?\($0)".replacing("?", with: "#") })
    #expect(many.stdout.split(separator: "\n").count { $0.hasSuffix("200") } == 200)
    for connection in silent { close(connection) }
    await listener.cleanUp(proof)
    #expect(try await get("/.well-known/acme-challenge/tok").hasSuffix("|404"))
    listener.close()
    await ca.stop()
  }
}

@Suite struct DueTests {
  private let start = Date(timeIntervalSince1970: 1_800_000_000)

  private func certificate(
    days: Double, names: [String] = ["a"], ordered: [String]? = nil
  ) -> Certificate {
    Certificate(
      lineage: "c", generation: Generation(1), fingerprint: "f", serial: "1", names: names, notBefore: start,
      notAfter: start.addingTimeInterval(days * 86400), issuedAt: start, orderedNames: ordered)
  }

  @Test(arguments: [(90.0, 60.0), (6.0, 3.0), (10.0, 20.0 / 3), (47.0, 94.0 / 3)])
  func `renewal is due after two thirds of the lifetime, or half of a short one`(
    lifetime: Double, due: Double
  ) {
    let certificate = certificate(days: lifetime)
    #expect(abs(certificate.renewalMoment.timeIntervalSince(start) / 86400 - due) < 0.001)
  }

  @Test func `the CA's moment stands for its certificate alone, and never too late`() {
    func moment(_ days: Double, generation: Int = 1) -> Double {
      let advice = RenewalAdvice(
        generation: Generation(generation), window: nil, moment: start.addingTimeInterval(days * 86400),
        askAgain: start)
      return certificate(days: 90).renewalMoment(advised: advice).timeIntervalSince(start) / 86400
    }
    #expect(abs(moment(-3) + 3) < 0.001 && abs(moment(70) - 70) < 0.001)
    #expect(abs(moment(100) - 81) < 0.001)
    #expect(abs(moment(5, generation: 2) - 60) < 0.001)
  }

  @Test func `a lineage without a certificate, or with other names, is to be issued`() {
    let lineage = Lineage(
      name: "c", domains: ["a"], issuer: "ca", deployments: [])
    func reason(_ newest: Certificate?) -> DueReason? {
      lineage.dueReason(newest: newest, advised: nil, directories: ["d"], at: start)
    }
    #expect(reason(nil) == .first)
    #expect(reason(certificate(days: 90)) == nil)
    #expect(reason(certificate(days: 90, names: ["a", "b"])) == .otherNames(added: [], removed: ["b"]))
    // What a CA adds of its own is no reason to ask it again, and again.
    #expect(reason(certificate(days: 90, names: ["a", "www.a"], ordered: ["a"])) == nil)
    #expect(
      reason(certificate(days: 90, names: ["a", "b"], ordered: ["a", "b"]))
        == .otherNames(added: [], removed: ["b"]))
    #expect("\(reason(certificate(days: 90, names: ["b"]))!)" == "its names have changed: + a - b")
  }
}
