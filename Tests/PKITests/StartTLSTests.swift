import Fleet
import Foundation
import PKI
import Testing
import ThrowawayFleet

/// Asking services that begin in the clear, and those that never get to TLS.
@Suite struct StartTLSTests {
  /// A server of a few lines: what it says first, and then for each line that begins so what it answers; then TLS by
  /// `openssl s_server` is not its business, it only has to consent or not.
  private func reason(_ kind: StartTLS, _ server: TalkingServer) async throws -> String {
    do {
      _ = try await ServedCertificate.fingerprint(
        at: "127.0.0.1", port: server.port, serverName: "x.example", startTLS: kind, timeout: .seconds(2))
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
    #expect(try await reason(.imap, server).contains("does not answer in time"))
  }
}
