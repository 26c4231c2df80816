import Foundation
import Testing
import ThrowawayFleet

/// What hosts show, and say, to somebody who only looks.
@Suite struct ScanTests {
  @Test func `keys are shown as ssh-keyscan finds them, and none is pinned by that`() async throws {
    let scene = try await Scene(hosts: 3)
    func scanned(_ host: LoopbackFleet.ThrowawayHost) async throws -> String {
      let found = try await Program.run(
        try Program.find("sh"),
        ["-c", "ssh-keyscan -p 2222 -t ed25519 \(host.address) 2>/dev/null | ssh-keygen -lf -"])
      return found.stdout.split(separator: " ").prefix(2).joined(separator: " ")
    }
    let shown = try await scene.expect(0, "host", "pin", "--scan").stdout.split(separator: "\n")
    try #require(shown.count == 3)
    for (host, line) in zip(scene.hosts, shown) {
      #expect(line == "\(try await scanned(host)) \(host.name) (ED25519)  pinned")
    }
    // Another machine in its place, one that is off, and a new one.
    await scene.hosts[1].ssh.stop()
    let other = try await SSHServer(
      in: scene.scratch.path + "/other", at: scene.hosts[1].address, home: scene.hosts[1].home,
      authorizedKey: Files.read(scene.scratch.path + "/id_ed25519.pub"))
    await scene.hosts[2].ssh.stop()
    let changed = try await scene.expect(0, "host", "pin", "--scan", "name:web2")
    #expect(changed.stdout.hasSuffix(" web2 (ED25519)  ANOTHER IS PINNED\n"), "\(changed.everything)")
    let both = try await scene.expect(1, "host", "pin", "--scan")
    #expect(both.stdout.contains(" web2 (ED25519)  ANOTHER IS PINNED\n"), "\(both.everything)")
    #expect(both.stdout.contains(" web1 (ED25519)  pinned\n"))
    #expect(both.stderr.hasPrefix("certfleet: web3: "), "\(both.stderr)")
    try await scene.expect(64, "host", "pin", "--scan", "web1", "web2")
    // What each says of itself is told of it, in whichever order they answer.
    let discovered = try await scene.expect(1, "host", "discover")
    #expect(
      discovered.stderr.contains("  web2: said nothing: ")
        && discovered.stderr.contains("  web3: said nothing: ")
        && !discovered.stderr.contains("web1: said nothing"), "\(discovered.everything)")
    await other.stop()
    await scene.fleet.stop()
  }
}
