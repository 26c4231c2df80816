import Foundation
import Synchronization
import Testing
import ThrowawayFleet

/// What CAs do that Pebble does not, by a proxy before it.
@Suite(.serialized) struct AuthorityFaultTests {
  /// Answers the first requests of a kind once each with what it has, in that order.
  private final class Script: Sendable {
    private let answers: Mutex<[FaultProxy.Response]>
    init(_ answers: [FaultProxy.Response]) { self.answers = Mutex(answers) }
    func next() -> FaultProxy.Response? { answers.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
    var isEmpty: Bool { answers.withLock { $0.isEmpty } }
  }

  /// Announces renewal information and profiles, as Let's Encrypt does.
  private static func announcing(_ forward: () throws -> FaultProxy.Response, _ more: String) throws
    -> FaultProxy.Response
  {
    var response = try forward()
    var text = String(decoding: response.body, as: UTF8.self)
    guard let start = text.firstRange(of: "{"), let host = text.firstMatch(of: /https:\/\/[^\/]+/)?.output
    else {
      return response
    }
    text.replaceSubrange(start, with: "{\(more.replacing("HOST", with: String(host))),")
    if more.contains("meta") { text = text.replacing("\"meta\": {\n", with: "\"ignored\": {\n") }
    response.body = Data(text.utf8)
    return response
  }

  private static func window(from start: TimeInterval, to end: TimeInterval, _ more: String = "") -> String {
    let (from, to) = (Date(timeIntervalSinceNow: start), Date(timeIntervalSinceNow: end))
    return
      "{\"suggestedWindow\": {\"start\": \"\(from.ISO8601Format())\", \"end\": \"\(to.ISO8601Format())\"}\(more)}"
  }

  @Test func `the CA's window says when, across processes, and the new order names the old certificate`()
    async throws
  {
    let isPast = Mutex(false)
    let scene = try await IssuingScene(.init(nonceReject: 0)) { request, forward in
      if request.path == "/dir" {
        return try Self.announcing(forward, "\"renewalInfo\": \"HOST/renewal-info\"")
      }
      guard request.path.hasPrefix("/renewal-info/") else { return try forward() }
      let past = isPast.withLock { $0 }
      return .init(
        200, [("Retry-After", past ? "86400" : "60")],
        past
          ? Self.window(from: -7200, to: -3600, ", \"explanationURL\": \"https://ca.example/why\"")
          : Self.window(from: 86400, to: 90000))
    }
    let proxy = try #require(scene.proxy)
    try await scene.declare([scene.certificate("a.example")])
    try await scene.expect(0, "run")
    try await scene.expect(0, "run")
    #expect(proxy.requests("/renewal-info/").count == 1)
    #expect(try await scene.expect(0, "cert", "show", "a.example").stdout.contains("in the CA's window from"))
    // Not asked again before Retry-After, even by another process.
    try await scene.expect(0, "run")
    #expect(proxy.requests("/renewal-info/").count == 1)
    isPast.withLock { $0 = true }
    _ = try await scene.database(
      "UPDATE renewal_advice SET advice = json_set(advice, '$.ask_again', '2001-01-01T00:00:00Z')")
    let renewed = try await scene.expect(0, "run")
    #expect(renewed.stderr.contains("the CA wants it renewed"))
    #expect(scene.ca.certificatesIssued == 2)
    let order = try #require(proxy.requests("/order-plz").last)
    let path = try #require(proxy.requests("/renewal-info/").last?.path)
    let id = String(path.dropFirst("/renewal-info/".count))
    #expect(order.payload.contains("\"replaces\":\"\(id)\""), "\(order.payload)")
    #expect(id.wholeMatch(of: /[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/) != nil)
    // A CA that says "now" of every certificate is not ordered from at every run.
    #expect(try await scene.expect(0, "run").stderr.contains("the CA wants it renewed again"))
    #expect(scene.ca.certificatesIssued == 2)
    await scene.stop()
  }

  @Test func `replaces that is refused is left out, once`() async throws {
    let scene = try await IssuingScene(.init(nonceReject: 0)) { request, forward in
      if request.path == "/dir" {
        return try Self.announcing(forward, "\"renewalInfo\": \"HOST/renewal-info\"")
      }
      if request.path.hasPrefix("/renewal-info/") { return .init(500) }
      if request.payload.contains("replaces") { return .problem(409, "alreadyReplaced") }
      return try forward()
    }
    try await scene.declare([scene.certificate("a.example")])
    try await scene.expect(0, "run")
    try await scene.expect(0, "cert", "renew", "a.example")
    #expect(scene.ca.certificatesIssued == 2)
    #expect(
      try #require(scene.proxy).requests("/order-plz").map { $0.payload.contains("replaces") } == [
        false, true, false,
      ])
    await scene.stop()
  }

  @Test func `a short pause that the CA asks for is made, and a long one is kept`() async throws {
    let script = Script([
      .problem(429, "rateLimited", [("Retry-After", "1")]),
      .problem(503, "serverInternal", [("Retry-After", "1")]),
    ])
    let scene = try await IssuingScene(.init(nonceReject: 0)) { request, forward in
      if request.path == "/order-plz", let answer = script.next() { return answer }
      if request.payload.contains("late.example") {
        return .problem(429, "rateLimited", [("Retry-After", "7200")])
      }
      return try forward()
    }
    try await scene.declare((1...8).map { scene.certificate("c\($0).example") })
    try await scene.expect(0, "run")
    #expect(script.isEmpty && scene.ca.certificatesIssued == 8)
    try await scene.declare([scene.certificate("late.example")])
    let limited = try await scene.expect(1, "run")
    #expect(limited.stderr.contains("made by the proxy: rateLimited"))
    let asked = try #require(scene.proxy).requests("/order-plz").count
    // Neither the timer nor a person: the CA said when.
    for arguments in [["run"], ["cert", "issue", "late.example"], ["cert", "renew", "late.example"]] {
      let result = try await Program.run(
        CertfleetProgram.path, arguments, environment: scene.certfleet.environment)
      #expect(result.status == 1 && result.stderr.contains("as the CA asks: made by the proxy"))
    }
    #expect(try #require(scene.proxy).requests("/order-plz").count == asked)
    await scene.stop()
  }

  @Test func `passing faults are tried through, and lasting ones end in clear words`() async throws {
    let script = Script([.init(500), .init(502, [], "<html>bad gateway"), .problem(500, "serverInternal")])
    let scene = try await IssuingScene(.init(nonceReject: 0)) { request, forward in
      if request.path.hasPrefix("/finalize-order"), let answer = script.next() { return answer }
      if request.payload.contains("html.example") {
        return .init(201, [("Location", "https://x/")], "<html>")
      }
      if request.payload.contains("down.example") { return .init(500, [], "{") }
      return try forward()
    }
    try await scene.declare([scene.certificate("a.example")])
    try await scene.expect(0, "run")
    #expect(script.isEmpty && scene.ca.certificatesIssued == 1)
    try await scene.declare([scene.certificate("html.example"), scene.certificate("down.example")])
    let failed = try await scene.expect(1, "run").stderr
    #expect(failed.contains("html.example: not issued: the server's Order cannot be read (malformed)"))
    #expect(failed.contains("down.example: not issued: the server answered 500"))
    await scene.stop()
  }

  @Test func `a profile is asked for where the CA has it, and else its own are named`() async throws {
    let scene = try await IssuingScene(.init(nonceReject: 0)) { request, forward in
      request.path == "/dir"
        ? try Self.announcing(
          forward, "\"meta\": {\"profiles\": {\"classic\": \"-\", \"shortlived\": \"-\"}}")
        : try forward()
    }
    try await scene.declare([
      scene.certificate("a.example", ", profile: 'shortlived'"),
      scene.certificate("b.example", ", profile: 'tiny'"),
    ])
    let result = try await scene.expect(1, "run").stderr
    #expect(
      result.contains("b.example: not issued: the CA has no profile 'tiny'; it has classic, shortlived"))
    let orders = try #require(scene.proxy).requests("/order-plz").map(\.payload)
    #expect(orders.count == 1 && orders[0].contains("\"profile\":\"shortlived\""))
    await scene.stop()
  }

  @Test(arguments: [400.0, -400.0])
  func `a clock that is a year off orders nothing`(days: Double) async throws {
    let scene = try await IssuingScene(.init(nonceReject: 0)) { request, forward in
      var response = try forward()
      let format = DateFormatter()
      format.locale = Locale(identifier: "en_US_POSIX")
      format.timeZone = TimeZone(secondsFromGMT: 0)
      format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
      response.set("Date", format.string(from: Date(timeIntervalSinceNow: days * 86400)))
      return response
    }
    try await scene.declare([scene.certificate("a.example")])
    let result = try await scene.expect(1, "run").stderr
    #expect(
      result.contains("the clock here is")
        && result.contains(days > 0 ? "behind the CA's" : "ahead of the CA's"))
    #expect(try #require(scene.proxy).requests("/order-plz").isEmpty)
    await scene.stop()
  }

  @Test func `of several chains the preferred one is taken, and not for ever looked for`() async throws {
    var temper = PebbleCA.Temper()
    temper.alternateRoots = 3
    temper.chainLength = 2
    let scene = try await IssuingScene(temper)
    try await scene.declare([scene.certificate("a.example")])
    try await scene.expect(0, "run")
    // Which names Pebble's roots have is another each time: one is found by looking at its management interface.
    let root = scene.scratch.path + "/root.pem"
    try await Program.succeed(
      try Program.find("curl"),
      ["-s", "--cacert", scene.ca.caFile, "-o", root, "https://\(scene.ca.network.authority):15000/roots/2"])
    let subject = try await Program.succeed(
      try Program.find("openssl"), ["x509", "-in", root, "-noout", "-subject", "-nameopt", "multiline"])
    let name = try #require(subject.firstMatch(of: /commonName += (.+)/)?.output.1)
    try await scene.declare([
      scene.certificate("b.example", ", preferred_chain: '\(name)'"),
      scene.certificate("c.example", ", preferred_chain: 'there is none'"),
    ])
    try await scene.expect(0, "run")
    for (certificate, isPreferred) in [("b.example", true), ("c.example", false)] {
      let folder = scene.scratch.path + "/" + certificate
      try await scene.expect(0, "cert", "export", certificate, folder)
      let verified = try await Program.run(
        try Program.find("openssl"),
        ["verify", "-CAfile", root, "-untrusted", folder + "/chain.pem", folder + "/cert.pem"])
      #expect((verified.status == 0) == isPreferred, "\(certificate): \(verified.everything)")
    }
    await scene.stop()
  }

  @Test func `challenges that nobody knows are passed over`() async throws {
    let added = Mutex(0)
    let scene = try await IssuingScene(.init(authorizationReuse: 0)) { request, forward in
      var response = try forward()
      guard request.path.hasPrefix("/authZ/") else { return response }
      let strange =
        "\"challenges\": [{\"type\": \"dns-persist-01\", \"url\": \"https://x/1\", \"status\": \"pending\", \"issuer-domain-names\": [\"ca.example\"]}, {\"type\": \"http-99\", \"url\": \"https://x/2\", \"status\": \"new\", \"token\": \"x\"},"
      let text = String(decoding: response.body, as: UTF8.self)
      added.withLock { $0 += text.contains("\"challenges\": [") ? 1 : 0 }
      response.body = Data(text.replacing("\"challenges\": [", with: strange).utf8)
      return response
    }
    try await scene.declare([scene.certificate("a.example")])
    try await scene.expect(0, "run")
    #expect(added.withLock { $0 } > 1)
    await scene.stop()
  }
}
