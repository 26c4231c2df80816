import Foundation
import Testing
import ThrowawayFleet

/// What the world beside the terminal hears: a real Prometheus, a webhook, a mail server, a command.
@Suite(.serialized) struct TellingTests {
  private static let files = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "../../Agents/prometheus"
  ).standardizedFileURL

  @Test func `the alert rules do what they say`() async throws {
    try await Program.succeed(
      "/bin/sh",
      [
        "-c", "cd \"$0\" && exec \"$1\" test rules certfleet.rules.test.yml",
        Self.files.path(percentEncoded: false), try Program.find("promtool"),
      ])
  }

  private func prometheus(_ scene: Scene, metrics: String) async throws -> (
    query: String, programs: [Running]
  ) {
    let network = scene.fleet.network
    let exporter = try Running(
      try Program.find("prometheus-node-exporter"),
      [
        "--web.listen-address=\(network.controller):9100", "--collector.disable-defaults",
        "--collector.textfile",
        "--collector.textfile.directory=\(URL(filePath: metrics).deletingLastPathComponent().path(percentEncoded: false))",
      ], stdout: scene.scratch.path + "/exporter.log", stderr: scene.scratch.path + "/exporter.log")
    let rules = Self.files.appending(path: "certfleet.rules.yml").path(percentEncoded: false)
    let configuration = try scene.scratch.write(
      "prometheus.yml",
      """
      global: {scrape_interval: 1s, evaluation_interval: 1s}
      rule_files: ['\(rules)']
      scrape_configs:
        - job_name: node
          static_configs: [{targets: ['\(network.controller):9100']}]
      """)
    let server = try Running(
      try Program.find("prometheus"),
      [
        "--config.file=\(configuration)", "--storage.tsdb.path=\(scene.scratch.path)/tsdb",
        "--web.listen-address=\(network.controller):9090",
      ], stdout: scene.scratch.path + "/prometheus.log", stderr: scene.scratch.path + "/prometheus.log")
    return ("http://\(network.controller):9090/api/v1/query?query=", [exporter, server])
  }

  private func telling(_ scene: Scene, _ members: String) async throws {
    let file = scene.scratch.path + "/fleet.json5"
    let text = Files.read(file)
    try Files.write(file, text.replacing("rollouts: [", with: "\(members), rollouts: ["))
    try await scene.expect(0, "apply", file)
  }

  @Test func `Prometheus scrapes what a run has written, and its alerts fire`() async throws {
    let scene = try await Scene(hosts: 2)
    let metrics = scene.scratch.path + "/metrics/certfleet.prom"
    try Files.makeFolder(scene.scratch.path + "/metrics")
    chmod(scene.scratch.path, 0o755)
    chmod(scene.scratch.path + "/metrics", 0o755)
    try await telling(scene, "metrics: {file: '\(metrics)'}")
    try await scene.expect(0, "run")
    let text = Files.read(metrics)
    let checked = try await Program.run(
      "/bin/sh", ["-c", "exec \"$0\" check metrics <\"$1\"", try Program.find("promtool"), metrics])
    #expect(checked.status == 0 && checked.everything.isEmpty, "\(checked.everything)\n\(text)")
    #expect(text.contains("certfleet_certificate_hosts_served{certificate=\"one.example\"} 2\n"))
    #expect(try await scene.expect(0, "report", "-o", "prometheus").stdout.contains("certfleet_hosts 2\n"))
    try scene.steer(0, "break-deploy")
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(1, "run")
    let (query, programs) = try await prometheus(scene, metrics: metrics)
    func value(_ expression: String) async throws -> String {
      try await Program.run(
        try Program.find("curl"),
        ["-s", "-G", query.replacing("?query=", with: ""), "--data-urlencode", "query=\(expression)"]
      ).stdout
    }
    try await eventually(
      "Prometheus has it: \(Files.read(scene.scratch.path + "/prometheus.log").suffix(500))"
    ) {
      (try? await value("certfleet_need_person"))?.contains("\"1\"]") == true
    }
    #expect(try await value("certfleet_rollout_state{state=\"halted\"}").contains("\"policy\":\"p\""))
    #expect(try await value("time() - certfleet_last_run_timestamp_seconds < 600").contains("\"value\""))
    try await eventually("the alert is pending or fires") {
      (try? await value("ALERTS{alertname=\"CertfleetNeedsPerson\"}"))?.contains("CertfleetNeedsPerson")
        == true
    }
    // Every panel asks for something that is there.
    let dashboard =
      try JSONSerialization.jsonObject(
        with: Data(contentsOf: Self.files.appending(path: "certfleet-dashboard.json"))) as? [String: Any]
    let panels = try #require(dashboard?["panels"] as? [[String: Any]])
    for expression in panels.flatMap({ $0["targets"] as? [[String: Any]] ?? [] }).compactMap({
      $0["expr"] as? String
    }) {
      #expect(try await value(expression).contains("\"value\":["), "\(expression)")
    }
    for program in programs { await program.stop() }
    await scene.fleet.stop()
  }

  @Test func `each is told once, again when it gets worse, and when it is well again`() async throws {
    let scene = try await Scene(hosts: 3)
    let sink = try await FaultProxy(in: scene.scratch.path + "/sink", before: scene.fleet.authority) {
      request, _ in
      request.path == "/broken" ? .init(503, [], "later") : .init(200)
    }
    let secret = try scene.scratch.write("secret", "s3cret\n")
    chmod(secret, 0o600)
    let root = sink.directory.replacing("/dir", with: "")
    try await telling(
      scene,
      """
      notify: [
        { name: 'mine', command: 'cat >>\(scene.scratch.path)/told; echo "$CERTFLEET_SEVERITY $CERTFLEET_TITLE" >>\(scene.scratch.path)/titles' },
        { name: 'hook', webhook: '\(root)/json', secret_file: '\(secret)', ca_file: 'pebble/ca.pem' },
        { name: 'chat', webhook: '\(root)/slack', form: 'slack', ca_file: 'pebble/ca.pem' },
        { name: 'pager', webhook: '\(root)/pager', form: 'pagerduty', secret_file: '\(secret)', ca_file: 'pebble/ca.pem' },
        { name: 'phone', webhook: '\(root)/ntfy', form: 'ntfy', ca_file: 'pebble/ca.pem' },
        { name: 'cards', webhook: '\(root)/teams', form: 'teams', ca_file: 'pebble/ca.pem' },
        { name: 'later', webhook: '\(root)/broken', ca_file: 'pebble/ca.pem' },
      ]
      """)
    func titles() -> [String] {
      Files.read(scene.scratch.path + "/titles").split(separator: "\n").map {
        String($0).replacing(#/ certfleet on [^:]*:/#, with: "")
      }
    }
    try await scene.expect(0, "run")
    #expect(titles().isEmpty && sink.requests("/").isEmpty)
    try scene.steer(0, "break-deploy")
    try await scene.expect(0, "cert", "renew", "one.example")
    let bad = try await scene.expect(1, "run")
    #expect(titles() == ["critical needs a person: web1: rolled back in rollout 2"])
    #expect(
      bad.stderr.contains("certfleet: notify later: ") && bad.stderr.contains("answered 503: later"),
      "\(bad.stderr)")
    // Each by its own documents.
    let json = try #require(sink.requests("/json").first)
    let signature = try #require(
      json.head.firstMatch(of: /(?i)x-certfleet-signature: t=([0-9]+),v1=([0-9a-f]+)/))
    let message = try scene.scratch.write(
      "signed", "\(signature.output.1)." + String(decoding: json.body, as: UTF8.self))
    let code = try await Program.succeed(
      try Program.find("openssl"), ["dgst", "-sha256", "-hmac", "s3cret", "-r", message])
    #expect(code.hasPrefix(String(signature.output.2)))
    func member(_ path: String) throws -> [String: Any] {
      let body = try #require(sink.requests(path).first?.body)
      return try #require(try JSONSerialization.jsonObject(with: body) as? [String: Any])
    }
    #expect(try member("/json")["schema"] as? String == "certfleet/notification/1")
    #expect((try member("/slack")["text"] as? String)?.contains("broken on purpose") == true)
    let event = try member("/pager")
    #expect(event["routing_key"] as? String == "s3cret" && event["event_action"] as? String == "trigger")
    #expect((event["payload"] as? [String: Any])?["severity"] as? String == "critical")
    #expect(try member("/teams")["type"] as? String == "message")
    let phone = try #require(sink.requests("/ntfy").first)
    #expect(
      phone.head.lowercased().contains("priority: high")
        && String(decoding: phone.body, as: UTF8.self).contains("web1"))
    // Once, however often it is run.
    let known = sink.requests("/json").count
    try await scene.expect(1, "run")
    #expect(titles().count == 1 && sink.requests("/json").count == known)
    // Three tries each time, as it was not told yet.
    #expect(sink.requests("/broken").count == 6)
    try scene.release(0, "break-deploy")
    try await scene.expect(0, "rollout", "retry", "2")
    #expect(titles().last == "ok one.example is well again (failed no more)", "\(titles())")
    #expect(
      sink.requests("/pager").last.map { String(decoding: $0.body, as: UTF8.self).contains("\"resolve\"") }
        == true)
    let tested = try await scene.expect(1, "notify", "test")
    #expect(
      tested.stdout.contains("mine: sent\n") && tested.stdout.contains("later: not sent: "),
      "\(tested.stdout)")
    #expect(
      try await scene.expect(65, "notify", "test", "nobody").stderr.contains("there is no notifier 'nobody'"))
    sink.requests("/").forEach { #expect(!$0.head.contains("s3cret")) }
    await sink.stop()
    await scene.fleet.stop()
  }
}
