import Foundation
import Testing
import ThrowawayFleet

/// The ready-made hooks beside those of `ServicesTests`: real daemons that must serve the renewed certificate.
@Suite(.serialized, .enabled(if: geteuid() == 0, "needs root, for the servers' own users"))
struct RecipesTests {
  private static let daemons = [
    "lighttpd", "stunnel", "mosquitto", "redis", "mariadb", "proftpd", "prosody", "postgres",
  ]

  @Test func `eight more services serve what was renewed, and go back where any refuses its configuration`()
    async throws
  {
    let scene = try await Scene(hosts: 1)
    let host = scene.hosts[0]
    let services = host.home + "/services"
    // The daemons' own users have to walk there.
    try Files.makeFolder(services)
    for folder in [scene.scratch.path, host.home, services] { chmod(folder, 0o755) }
    let (chain, key) = (
      host.base + "/live/one.example/fullchain.pem", host.base + "/live/one.example/privkey.pem"
    )
    func folder(_ name: String) -> String { services + "/" + name }
    let running = [
      try Services.lighttpd(in: folder("lighttpd"), at: host.address, certificate: chain, key: key),
      try Services.stunnel(in: folder("stunnel"), at: host.address, certificate: chain, key: key),
      try Services.mosquitto(in: folder("mosquitto"), at: host.address, certificate: chain, key: key),
      try Services.redis(in: folder("redis"), at: host.address, certificate: chain, key: key),
      try Services.mariadb(in: folder("mariadb"), at: host.address, certificate: chain, key: key),
      try Services.proftpd(in: folder("proftpd"), at: host.address, certificate: chain, key: key),
      try Services.prosody(in: folder("prosody"), at: host.address, certificate: chain, key: key),
      try await Services.postgres(in: folder("postgres"), at: host.address, certificate: chain, key: key),
    ]
    let ports: [UInt16] = [11443, 12443, 8883, 6390, 3390, 2121, 5322, 5532]
    for (name, port) in zip(Self.daemons, ports) {
      try await eventually("\(name) answers: \(Files.read(folder(name) + "/out"))") {
        Loopback.answers(host.address, port)
      }
    }
    let declared = Files.read(scene.scratch.path + "/fleet.json5").replacing(
      "deploy: [{ to: '*', rollout: 'p', verify: [{tls: 8443}],",
      with: """
        deploy: [{ to: '*', rollout: 'p',
          files: [{format: 'pem', path: '\(folder("postgres"))/cert.pem', key_path: '\(folder("postgres"))/key.pem',
            owner: 'postgres', mode: '0600', allow: 'shared'}],
          verify: [{tls: 11443}, {tls: 12443}, {tls: 8883}, {tls: 6390}, {tls: 3390, starttls: 'mysql'},
            {tls: 2121, starttls: 'ftp'}, {tls: 5322, starttls: 'xmpp'}, {tls: 5532, starttls: 'postgres'},
            {tls: '\(host.address):3390', starttls: 'mysql', from: 'host'},
            {tls: '\(host.address):2121', starttls: 'ftp', from: 'host'}, {tls: 8443}],
        """
    ).replacing(
      "deploy: [{run:",
      with: """
        deploy: ['@lighttpd \(folder("lighttpd"))/lighttpd.conf \(folder("lighttpd"))/lighttpd.pid',
          '@stunnel \(folder("stunnel"))/stunnel.pid', '@mosquitto \(folder("mosquitto"))/mosquitto.pid',
          '@redis -h \(host.address) -p 6389', '@mariadb --no-defaults --socket=\(folder("mariadb"))/socket -uroot',
          '@proftpd \(folder("proftpd"))/proftpd.conf \(folder("proftpd"))/proftpd.pid',
          '@prosody --config \(folder("prosody"))/prosody.cfg.lua', '@postgresql -h \(folder("postgres"))/db -p 5532', {run:
        """)
    try scene.scratch.write("fleet.json5", declared)
    try await scene.expect(0, "apply", scene.scratch.path + "/fleet.json5")
    for generation in 1...2 {
      let run = try await Program.run(
        CertfleetProgram.path, ["run"], environment: scene.certfleet.environment)
      let log = try await scene.expect(0, "log", "--rollout", "\(generation)").stdout
      #expect(run.status == 0, "\(run.everything)\n\(log)")
      #expect(scene.generations() == ["\(generation)"])
      if generation == 1 { try await scene.expect(0, "cert", "renew", "one.example") }
    }
    // A configuration that its service refuses keeps the old certificate everywhere. Where a daemon does not say so, what it serves does.
    for (file, mistake, why) in [
      ("lighttpd/lighttpd.conf", "nonsense", "deploy hook of one.example failed"),
      ("proftpd/proftpd.conf", "Nonsense on", "deploy hook of one.example failed"),
      ("prosody/prosody.cfg.lua", "= (", "deploy hook of one.example failed"),
      ("postgres/db/postgresql.conf", "nonsense = 1", "deploy hook of one.example failed"),
      ("stunnel/stunnel.conf", "nonsense = 1", "12443"),
    ] {
      let configuration = services + "/" + file
      let before = Files.read(configuration)
      try append(mistake, to: configuration)
      try await scene.expect(0, "cert", "renew", "one.example")
      let refused = try await scene.expect(1, "run")
      #expect(refused.stderr.contains(why), "\(file): \(refused.stderr)")
      #expect(scene.generations() == ["2"], "\(file)")
      try replace(configuration, with: before)
    }
    try await scene.expect(0, "cert", "renew", "one.example")
    try await scene.expect(0, "run", "--now")
    #expect(scene.generations() != ["2"])
    for service in running { await service.stop() }
    await scene.fleet.stop()
  }

  /// In place, so that the file stays its daemon's own.
  private func append(_ line: String, to file: String) throws {
    try replace(file, with: Files.read(file) + line + "\n")
  }

  private func replace(_ file: String, with text: String) throws {
    let handle = try FileHandle(forWritingTo: URL(filePath: file))
    try handle.truncate(atOffset: 0)
    try handle.write(contentsOf: Data(text.utf8))
    try handle.close()
  }
}
