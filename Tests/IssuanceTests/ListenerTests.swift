import Fleet
import Foundation
import Testing
import ThrowawayFleet

@testable import Issuance

/// The http-01 listener under people who connect and say nothing.
@Suite(.serialized) struct ListenerTests {
  private let network = Loopback.random()
  private var address: ListenAddress { ListenAddress(address: network.controller, port: 15002) }

  private func get(from source: String) async throws -> String {
    try await Program.run(
      try Program.find("curl"),
      ["-s", "-m", "8", "--interface", source, "http://\(address)/.well-known/acme-challenge/tok"]
    ).stdout
  }

  private func listening() async throws -> HTTP01Listener {
    let listener = HTTP01Listener(address)
    try await listener.present(Proof(domain: "a", token: "tok", keyAuthorization: "tok.key"))
    return listener
  }

  @Test func `whoever holds many connections gives way to the CA`() async throws {
    let listener = try await listening()
    var silent: [Int32] = []
    for _ in 0..<1100 {
      let connection = Loopback.connect(network.controller, 15002)
      _ = "GET ".utf8CString.withUnsafeBytes { send(connection, $0.baseAddress, 4, Int32(MSG_NOSIGNAL)) }
      silent.append(connection)
    }
    for _ in 0..<20 { #expect(try await get(from: network.host(7)) == "tok.key") }
    // He himself is served, too: it is his own oldest that goes.
    #expect(try await get(from: network.controller) == "tok.key")
    for connection in silent { close(connection) }
    listener.close()
  }
}
