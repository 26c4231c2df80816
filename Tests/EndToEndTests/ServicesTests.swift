import Foundation
import Testing
import ThrowawayFleet

/// What people run beside nginx, with the ready-made hooks: real daemons that must serve the renewed certificate.
@Suite(
  .serialized, .enabled(if: geteuid() == 0, "needs root, as the mail servers do"),
  .enabled(
    if: (try? Program.find("postfix")) != nil, "needs postfix, which takes no other mail server's place"))
struct ServicesTests {
  @Test
  func `apache, haproxy, postfix and dovecot serve what was renewed, each verified in its own protocol`()
    async throws
  {
    let scene = try await Scene(hosts: 1)
    let host = scene.hosts[0]
    let services = host.home + "/services"
    // The daemons' own users have to walk there.
    for folder in [scene.scratch.path, host.home] { chmod(folder, 0o755) }
    for name in ["apache", "haproxy", "postfix", "dovecot"] { try Files.makeFolder("\(services)/\(name)") }
    for folder in [services, services + "/postfix", services + "/haproxy"] { chmod(folder, 0o755) }
    let live = host.base + "/live/one.example"
    let combined = services + "/haproxy/one.pem"
    try Files.write(combined, Files.read(live + "/fullchain.pem") + Files.read(live + "/privkey.pem"))
    let (chain, key) = (live + "/fullchain.pem", live + "/privkey.pem")
    let running = [
      try Services.apache(in: services + "/apache", at: host.address, certificate: chain, key: key),
      try Services.haproxy(in: services + "/haproxy", at: host.address, combined: combined),
      try Services.postfix(in: services + "/postfix", at: host.address, certificate: chain, key: key),
      try Services.dovecot(in: services + "/dovecot", at: host.address, certificate: chain, key: key),
    ]
    for port: UInt16 in [9443, 10443, 2525, 1143, 1110] {
      try await eventually("port \(port) answers") { Loopback.answers(host.address, port) }
    }
    let declared = Files.read(scene.scratch.path + "/fleet.json5").replacing(
      "deploy: [{ to: '*', rollout: 'p', verify: [{tls: 8443}],",
      with: """
        deploy: [{ to: '*', rollout: 'p',
          files: [{format: 'haproxy', path: '\(combined)'}],
          verify: [{tls: 9443}, {tls: 10443}, {tls: 2525, starttls: 'smtp'}, {tls: 1143, starttls: 'imap'},
            {tls: 1110, starttls: 'pop3'}, {tls: '\(host.address):2525', starttls: 'smtp', from: 'host'},
            {tls: '\(host.address):9443', from: 'host'}, {tls: 8443}],
        """
    ).replacing(
      "deploy: [{run:",
      with: """
        deploy: ['@apache -f \(services)/apache/apache.conf', '@postfix -c \(services)/postfix',
          '@haproxy \(services)/haproxy/haproxy.cfg \(services)/haproxy/haproxy.pid',
          '@dovecot -c \(services)/dovecot/dovecot.conf', {run:
        """)
    try scene.scratch.write("fleet.json5", declared)
    try await scene.expect(0, "apply", scene.scratch.path + "/fleet.json5")
    for generation in 1...2 {
      let run = try await Program.run(
        CertfleetProgram.path, ["run"], environment: scene.certfleet.environment)
      #expect(run.status == 0, "\(run.everything)")
      #expect(scene.generations() == ["\(generation)"])
      if generation == 1 { try await scene.expect(0, "cert", "renew", "one.example") }
    }
    // A configuration that its service refuses keeps the old certificate everywhere.
    let before = Files.read(combined)
    try Files.write(
      services + "/apache/apache.conf", Files.read(services + "/apache/apache.conf") + "Nonsense on\n")
    try await scene.expect(0, "cert", "renew", "one.example")
    let refused = try await scene.expect(1, "run")
    #expect(refused.stderr.contains("deploy hook of one.example failed"), "\(refused.stderr)")
    #expect(scene.generations() == ["2"] && Files.read(combined) == before)
    for service in running { await service.stop() }
    await scene.fleet.stop()
  }
}
