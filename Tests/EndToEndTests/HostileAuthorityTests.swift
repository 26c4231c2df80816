import Foundation
import Synchronization
import Testing
import ThrowawayFleet

/// A CA that says what helps it, by a proxy before Pebble.
@Suite(.serialized) struct HostileAuthorityTests {
  /// A CA whose answers below a path are changed.
  private func scene(
    _ path: String, _ change: @escaping @Sendable (inout FaultProxy.Response) -> Void
  ) async throws -> IssuingScene {
    try await IssuingScene(.init(nonceReject: 0)) { request, forward in
      var response = try forward()
      if request.path.hasPrefix(path) { change(&response) }
      return response
    }
  }

  private static func text(_ response: FaultProxy.Response) -> String {
    String(decoding: response.body, as: UTF8.self)
  }

  /// What `certfleet run` says of one certificate by a hook that notes what it is given.
  private func run(_ scene: IssuingScene, domains: String = "'a.example'") async throws -> (
    said: String, hook: String
  ) {
    let seen = scene.scratch.path + "/seen"
    let hook = "printf \"%s|%s|\" \"$CERTBOT_DOMAIN\" \"$CERTBOT_ALL_DOMAINS\" >>\(seen)"
    try await scene.declare([
      "{name: 'a.example', domains: [\(domains)], issuer: 'ca', challenge: {type: 'http-01', auth_hook: '\(hook)'}}"
    ])
    let result = try await Program.run(
      CertfleetProgram.path, ["run"], environment: scene.certfleet.environment)
    #expect(result.status == 1, "\(result.everything)")
    return (result.everything, Files.read(seen))
  }

  @Test(arguments: [
    #"m.example. 60 TXT \"x\"\nupdate delete victim.example. A\nsend"#, "../../../etc/passwd; id $(id)",
    "victim.example",
    "a.example.", "xa.example", "127.0.0.1", "",
  ])
  func `control of what was not ordered is shown to nobody`(identifier: String) async throws {
    let scene = try await scene("/authZ/") { response in
      response.body = Data(
        Self.text(response).replacing(#/"value": "a.example"/#, with: "\"value\": \"\(identifier)\"").utf8)
    }
    let (said, hook) = try await run(scene)
    #expect(
      said.contains("the CA asks for control of '") && said.contains("which was not ordered"), "\(said)")
    #expect(hook.isEmpty, "\(hook)")
    #expect(try #require(scene.proxy).requests("/chalZ/").isEmpty)
    await scene.stop()
  }

  @Test func `what goes on is the name as it was ordered, however the CA writes it`() async throws {
    let scene = try await scene("/authZ/") { response in
      response.body = Data(
        Self.text(response).replacing("\"value\": \"a.example\"", with: "\"value\": \"A.ExAmPlE\"").utf8)
    }
    let (_, hook) = try await run(scene)
    #expect(hook == "a.example|a.example|", "\(hook)")
    await scene.stop()
  }

  @Test func `more authorizations than names are not asked for`() async throws {
    let proxied = try await IssuingScene(.init(nonceReject: 0)) { request, forward in
      var response = try forward()
      if request.path.hasPrefix("/my-order/") {
        response.body = Data(
          Self.text(response).replacing(
            "\"authorizations\": [", with: "\"authorizations\": [\"https://x/1\","
          ).utf8)
      }
      return response
    }
    let (said, hook) = try await run(proxied)
    #expect(said.contains("the CA wants 2 authorizations for 1 names") && hook.isEmpty, "\(said)")
    await proxied.stop()
  }

  @Test func `nothing is sent to servers that the directory does not name`() async throws {
    let other = Loopback.random()
    let scene = try await scene("/my-order/") { response in
      response.body = Data(
        Self.text(response).replacing(
          #/"https://[^"]*/authZ/#, with: "\"https://\(other.controller):14000/authZ"
        ).utf8)
    }
    let (said, hook) = try await run(scene)
    #expect(
      said.contains("which is on none of the servers that its directory names") && hook.isEmpty, "\(said)")
    await scene.stop()
  }

  /// A chain that is changed on its way, and what is said of it.
  private func refusal(_ change: @escaping @Sendable (String) -> String) async throws -> String {
    let scene = try await IssuingScene(.init(nonceReject: 0)) { request, forward in
      var response = try forward()
      if request.path.hasPrefix("/certZ/") { response.body = Data(change(Self.text(response)).utf8) }
      return response
    }
    try await scene.declare([scene.certificate("a.example")])
    let result = try await Program.run(
      CertfleetProgram.path, ["run"], environment: scene.certfleet.environment)
    #expect(result.status == 1, "\(result.everything)")
    #expect(try await scene.database("SELECT count(*) FROM certificate") == "0")
    await scene.stop()
    return result.everything
  }

  @Test func `a chain that is none, is too long or too large is refused`() async throws {
    let scratch = try ScratchFolder()
    try await SelfSigned.make("stranger.example", in: scratch.path)
    let stranger = Files.read(scratch.path + "/cert.pem")
    let unsigned = try await refusal { $0 + stranger }
    #expect(unsigned.contains("did not sign the one before it"), "\(unsigned)")
    let many = try await refusal { $0 + String(repeating: stranger, count: 10) }
    #expect(many.contains("certificates; 10 are allowed"), "\(many)")
    let large = try await refusal {
      $0 + String(repeating: "# \(String(repeating: "x", count: 60))\n", count: 2000)
    }
    #expect(large.contains("KiB long; 64 are allowed"), "\(large)")
    let endless = try await refusal { $0 + String(repeating: "\n", count: 3 << 20) }
    #expect(endless.contains("the answer is longer than 1 MiB"), "\(endless)")
  }

  @Test func `what a CA says is kept short, and its headers are read once`() async throws {
    let long = String(repeating: "very ", count: 100_000) + "long\u{1B}[2J"
    let scene = try await IssuingScene(.init(nonceReject: 0)) { request, forward in
      guard request.path == "/order-plz" else { return try forward() }
      let sub = (0..<500).map { "{\"type\": \"urn:x\", \"detail\": \"\(long.prefix(300))\($0)\"}" }
      return .init(
        403, [("Content-Type", "application/problem+json")],
        "{\"type\": \"urn:ietf:params:acme:error:rejectedIdentifier\", \"detail\": \"\(long.replacing("\u{1B}", with: "\\u001b"))\", \"subproblems\": [\(sub.joined(separator: ","))]}"
      )
    }
    try await scene.declare([scene.certificate("a.example")])
    let said = try await Program.run(CertfleetProgram.path, ["run"], environment: scene.certfleet.environment)
      .everything
    #expect(
      said.contains("very very") && said.utf8.count < 20_000 && !said.contains("\u{1B}"), "\(said.utf8.count)"
    )
    let shown = try await scene.expect(0, "cert", "show", "a.example").stdout
    #expect(shown.utf8.count < 20_000)
    await scene.stop()
  }
}
