import Agents
import Fleet
import Foundation
import Testing
import ThrowawayFleet

/// What a host tells of itself: it reads, and opens no key.
@Suite struct AgentDiscoveryTests {
  @Test(arguments: Shell.all)
  func `files are told with their owners, and nothing that is behind a key's first line`(shell: Shell)
    async throws
  {
    let scene = try AgentScene(shell)
    let folder = try scene.folder("a folder")
    try await SelfSigned.make("one.example", in: folder)
    let (certificate, key) = (Files.read(folder + "/cert.pem"), Files.read(folder + "/key.pem"))
    try Files.write(folder + "/both.pem", certificate + key, mode: 0o640)
    try Files.write(folder + "/behind.pem", key + certificate)
    mkfifo(folder + "/pipe", 0o600)
    try FileManager.default.removeItem(atPath: folder + "/key.pem")
    mkfifo(folder + "/key.pem", 0o600)
    func tell(_ certificates: [String], _ keys: [String] = []) async throws -> [ToldByHost] {
      try await told(.files(certificates: certificates, keys: keys), by: scene)
    }
    let all = try await tell([folder])
    #expect(all.map(\.path) == ["behind.pem", "both.pem", "cert.pem"].map { folder + "/" + $0 })
    #expect(all.map(\.kind) == [.file, .file, .file])
    #expect(
      all[1].text.hasPrefix("-rw-r----- ")
        && all[1].text.hasSuffix(certificate.trimmingCharacters(in: .newlines)))
    #expect(!all[0].text.contains("BEGIN") && !all[0].text.contains(key.split(separator: "\n")[1]))
    #expect(!all[1].text.contains("PRIVATE"))
    // It is no file, and nobody opens it.
    #expect(try await tell([folder + "/pipe"], [folder + "/key.pem", folder + "/none"]).isEmpty)
    let named = try await tell([], [folder + "/both.pem"])
    #expect(named.count == 1 && !named[0].text.contains("CERTIFICATE"))
  }

  @Test(arguments: Shell.all)
  func `a survey ends well wherever it is made, and says where something listens`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    let told = try await told(.survey, by: scene)
    #expect(told.contains { $0.kind == .listening && $0.path == "/proc/net/tcp" }, "\(told)")
  }

  @Test(arguments: Shell.all)
  func `what is too long is told to be so`(shell: Shell) async throws {
    let scene = try AgentScene(shell)
    let file = try scene.folder("long") + "/cert.pem"
    let line = String(repeating: "A", count: 76) + "\n"
    try Files.write(
      file,
      "-----BEGIN CERTIFICATE-----\n" + String(repeating: line, count: 900) + "-----END CERTIFICATE-----\n")
    let told = try await told(.files(certificates: [file], keys: []), by: scene)
    #expect(told == [ToldByHost(.tooLong, path: file, text: "")], "\(told.map(\.kind))")
  }

  private func told(_ discovery: AgentDiscovery, by scene: AgentScene) async throws -> [ToldByHost] {
    let replies = try await scene.replies(
      bytes: discovery.bytes(nonce: "n0nce", host: Host(name: "web1", address: "a", base: scene.base)))
    #expect(replies.end == .end(.ok, text: ""), "\(replies)")
    return replies.compactMap { if case .found(.told(let file)) = $0 { file } else { nil } }
  }
}
