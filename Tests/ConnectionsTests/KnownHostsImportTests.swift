import Connections
import Fleet
import Testing
import ThrowawayFleet
import struct Fleet.Host

@Suite struct KnownHostsImportTests {
  private let scratch: ScratchFolder
  private let first = Self.key("AA")
  private let second = Self.key("AB")

  init() throws { scratch = try ScratchFolder() }

  /// The wire format of RFC 8709 §4: `ssh-ed25519` and 32 bytes.
  private static func key(_ last: String) -> String {
    "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" + last
  }

  private func read(
    _ lines: [String], pinned: [Host.Name: [HostKey]] = [:], keeping: Bool = false
  ) throws -> KnownHostsImport {
    try scratch.write("known_hosts", lines.joined(separator: "\n") + "\n")
    return try KnownHostsImport(
      of: [Host(name: "web1", address: "10.0.0.1")], in: scratch.path + "/known_hosts", beside: pinned,
      keeping: keeping)
  }

  @Test func `what a file says of a host is pinned, and what is pinned already stays`() throws {
    let new = try read(["10.0.0.1 ssh-ed25519 \(first)"])
    let key = try #require(new.pins["web1"]?.first)
    #expect(key.encoded == first && new.missing.isEmpty && new.notices.isEmpty)
    let again = try read(["10.0.0.1 ssh-ed25519 \(first)"], pinned: ["web1": [key]])
    #expect(again.pins.isEmpty && again.unchanged == ["web1"])
    let other = try read(["web1 ssh-ed25519 \(second)"], pinned: ["web1": [key]])
    let replaced = try #require(other.pins["web1"])
    #expect(replaced.map(\.encoded) == [second])
    #expect(other.notices == [.replaced("web1", by: replaced, former: [key])])
    let both = try read(["web1 ssh-ed25519 \(second)"], pinned: ["web1": [key]], keeping: true)
    #expect(both.pins["web1"]?.map(\.encoded) == [second, first] && both.notices.isEmpty)
  }

  @Test func `a revoked key is not kept, even where nothing takes its place`() throws {
    let key = try #require(try read(["10.0.0.1 ssh-ed25519 \(first)"]).pins["web1"]?.first)
    let revoked = try read(["@revoked * ssh-ed25519 \(first)"], pinned: ["web1": [key]])
    #expect(revoked.pins["web1"] == [] && revoked.missing == ["web1"])
    #expect(revoked.notices == [.revoked("web1", key)])
  }

  @Test func `a host with an alias for its keys is looked up by that alone, as ssh does`() throws {
    let lines = [
      "10.0.0.1 ssh-ed25519 \(first)", "[10.0.0.1]:2222 ssh-ed25519 \(first)", "pool ssh-ed25519 \(second)",
    ]
    try scratch.write("known_hosts", lines.joined(separator: "\n") + "\n")
    let host = Host(name: "web1", address: "10.0.0.1", port: 2222, keyAlias: "pool")
    let read = try KnownHostsImport(
      of: [host], in: scratch.path + "/known_hosts", beside: [:], keeping: false)
    #expect(read.pins["web1"]?.map(\.encoded) == [second])
  }

  @Test func `ssh's own configuration names the alias`() throws {
    let file = try scratch.write("config", "Host web1\n  HostName 10.0.0.1\n  HostKeyAlias pool\n")
    #expect(try SSHConfig.settings(of: "web1", in: file).keyAlias == "pool")
    #expect(try SSHConfig.settings(of: "web2", in: file).keyAlias == nil)
  }

  @Test func `what is no line is told, and a file that is not there`() throws {
    let read = try read(["nonsense", "10.0.0.1 ssh-ed25519 \(first)"])
    #expect(read.notices == [.unreadable(file: scratch.path + "/known_hosts", line: 1)])
    #expect(throws: KnownHostsImport.Unreadable.self) {
      try KnownHostsImport(
        of: [Host(name: "web1", address: "a")], in: scratch.path + "/none", beside: [:], keeping: false)
    }
  }
}
