import Fleet
import Foundation
import PKI
import Testing
import ThrowawayFleet

/// Asking services that begin in the clear, and those that never get to TLS.
@Suite struct StartTLSTests {
  /// A server of a few lines: what it says first, and then for each line that begins so what it answers; then TLS by
  /// `openssl s_server` is not its business, it only has to consent or not.
  private func reason(
    _ kind: StartTLS, _ server: TalkingServer, within timeout: Duration = .seconds(60)
  ) async throws -> String {
    do {
      _ = try await ServedCertificate.leaf(
        at: "127.0.0.1", port: server.port, serverName: "x.example", startTLS: kind, timeout: timeout)
      return "served"
    } catch let error as ServedCertificate.NoAnswer { return error.reason }
  }

  @Test(arguments: [
    (StartTLS.smtp, "500 go away\r\n", "expected a greeting, got '500 go away'"),
    (.imap, "* BYE\r\n", "expected a greeting, got '* BYE'"),
    (.pop3, "-ERR\r\n", "expected a greeting, got '-ERR'"),
    (.postgres, "N", "does not consent to TLS"),
    (.ldap, "HTTP", "this is not LDAP"),
    (.xmpp, "<stream:stream></stream:stream>", "expected its features"),
    (.sieve, "\"IMPLEMENTATION\" \"x\"\r\nBYE \"busy\"\r\n", "expected a greeting, got 'BYE"),
    (.nntp, "400 closed\r\n", "expected a greeting, got '400 closed'"),
    (
      .ftp, "220-welcome\r\nto this\r\n220 place\r\n500 what?\r\n",
      "expected consent to AUTH TLS, got '500 what?'"
    ),
    (.mysql, "HTTP/1.1 400 Bad Request\r\n", "this is not MySQL"),
    (.mysql, "\u{4}\u{0}\u{0}\u{0}\u{a}5\u{0}x", "this is not MySQL"),
    (.mysql, "\u{14}\u{0}\u{0}\u{0}\u{a}5.7\u{0}1234abcdefgh\u{0}\u{0}\u{0}", "does not consent to TLS"),
    (.smtp, "", "the server hung up"),
    (.smtp, "220-" + String(repeating: "x", count: 70_000), "the server talks without end"),
  ])
  func `a server that does not consent is told apart`(kind: StartTLS, says: String, expected: String)
    async throws
  {
    let server = try TalkingServer(says: says)
    #expect(try await reason(kind, server).contains(expected))
    #expect(try await reason(kind, server).contains("\(kind.rawValue) at 127.0.0.1:\(server.port)"))
  }

  @Test func `a server that says nothing is not waited for`() async throws {
    let server = try TalkingServer(says: nil)
    #expect(try await reason(.imap, server, within: .seconds(2)).contains("does not answer in time"))
  }

  @Test(.enabled(if: geteuid() == 0, "needs root, for the servers' own users"))
  func
    `OpenLDAP, Prosody, PostgreSQL, MariaDB, ProFTPD and ManageSieve show their certificate after consent`()
    async throws
  {
    let scratch = try ScratchFolder()
    chmod(scratch.path, 0o755)
    let (certificate, key) = (scratch.path + "/cert.pem", scratch.path + "/key.pem")
    try await Program.succeed(
      try Program.find("openssl"),
      [
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=one.example", "-keyout", key, "-out",
        certificate,
      ])
    for file in [certificate, key] { chmod(file, 0o644) }
    // ProFTPD reads no key that others may read.
    let own = try scratch.write("own.pem", Files.read(key))
    let wanted = try CertificateChain(pem: Files.read(certificate)).leaf.fingerprint()
    let address = Loopback.random().host(1)
    let running = [
      try Services.slapd(in: scratch.path + "/slapd", at: address, certificate: certificate, key: key),
      try Services.prosody(in: scratch.path + "/prosody", at: address, certificate: certificate, key: key),
      try await Services.postgres(
        in: scratch.path + "/postgres", at: address, certificate: certificate, key: key),
      try Services.mariadb(in: scratch.path + "/mariadb", at: address, certificate: certificate, key: key),
      try Services.proftpd(
        in: scratch.path + "/proftpd", at: address, certificate: certificate, key: own, kind: "RSA"),
      try Services.sieve(in: scratch.path + "/sieve", at: address, certificate: certificate, key: key),
    ]
    for (kind, port, folder) in [
      (StartTLS.ldap, UInt16(3389), "slapd"), (.xmpp, 5322, "prosody"), (.postgres, 5532, "postgres"),
      (.mysql, 3390, "mariadb"), (.ftp, 2121, "proftpd"), (.sieve, 4190, "sieve"),
    ] {
      try await eventually("\(kind) answers: \(Files.read("\(scratch.path)/\(folder)/out"))") {
        Loopback.answers(address, port)
      }
      let served = try await ServedCertificate.leaf(
        at: address, port: port, serverName: "one.example", startTLS: kind, timeout: .seconds(60))
      #expect(served.fingerprint == wanted, "\(kind)")
    }
    for service in running { await service.stop() }
  }
}
