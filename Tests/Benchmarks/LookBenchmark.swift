import Foundation
import ThrowawayFleet

/// Looking at a thousand hosts: over SSH beside a rollout to them, and at what they serve beside OpenSSL's handshakes alone.
struct LookBenchmark {
  private static let hosts = 1000
  /// As many endpoints as are asked at the same time.
  private static let width = 200
  private static let tries = 3

  let scene: FleetScene

  init(_ scene: FleetScene) { self.scene = scene }

  func run() async throws -> (runs: [Measured], ratios: [String: Double]) {
    let (folder, disk) = (try ScratchFolder(), try HostDisk())
    defer { disk.remove() }
    let hosts = (1...Self.hosts).map { ("web\($0)", FleetScene.address($0)) }
    let certfleet = try await scene.declared(hosts, in: folder, on: disk)
    let rollout = try await Measured(
      "certfleet, a whole rollout", hosts: Self.hosts, CertfleetProgram.path, ["run"],
      environment: certfleet.environment)
    let look = try await best { try await self.look(certfleet, "certfleet look, over SSH", []) }
    let server = try await TLSServer(in: folder.path + "/nginx", scene.scratch.path)
    _ = try await scene.declared(hosts, in: folder, on: disk, verify: "{tls: 8443}")
    var (ours, limit): (Measured?, Measured?) = (nil, nil)
    // By turns, so that a slow minute of the machine is everybody's.
    for _ in 1...Self.tries {
      let one = try await handshakes(hosts.map(\.1))
      limit = limit.map { $0.wall < one.wall ? $0 : one } ?? one
      let other = try await self.look(certfleet, "certfleet look, what is served", ["--endpoints"])
      ours = ours.map { $0.wall < other.wall ? $0 : other } ?? other
    }
    await server.stop()
    guard let ours, let limit else { return ([], [:]) }
    return (
      [rollout, look, limit, ours],
      ["look_vs_rollout": look.wall / rollout.wall, "look_endpoints_vs_openssl": ours.wall / limit.wall]
    )
  }

  private func best(_ measure: () async throws -> Measured) async throws -> Measured {
    let (one, other) = (try await measure(), try await measure())
    return one.wall < other.wall ? one : other
  }

  private func look(_ certfleet: CertfleetProgram, _ name: String, _ options: [String]) async throws
    -> Measured
  {
    let run = try await Measured(
      name, hosts: Self.hosts, CertfleetProgram.path, ["look"] + options, environment: certfleet.environment)
    guard run.said.contains("as it should be: web[1-\(Self.hosts)]") else {
      throw Program.Failed("not every host was seen to be good: \(run.said.suffix(2000))")
    }
    return run
  }

  private func handshakes(_ addresses: [String]) async throws -> Measured {
    try await Measured(
      "OpenSSL's handshakes alone", hosts: Self.hosts,
      URL(filePath: CertfleetProgram.path).deletingLastPathComponent().path(percentEncoded: false)
        + "certfleet-bench-tls", [String(Self.width), "one.example", "8443"],
      stdin: addresses.joined(separator: "\n") + "\n")
  }
}

/// nginx at every loopback address.
private final class TLSServer: Sendable {
  private let program: Running

  init(in folder: String, _ certificate: String) async throws {
    try Files.write(
      folder + "/nginx.conf",
      """
      daemon off;
      pid nginx.pid;
      error_log error.log;
      worker_processes 2;
      \(geteuid() == 0 ? "user root;" : "")
      events { worker_connections 4096; }
      http {
        access_log off;
        \(["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path \($0);" }.joined(separator: " "))
        server { listen 0.0.0.0:8443 ssl backlog=4096; ssl_certificate \(certificate)/cert.pem;
          ssl_certificate_key \(certificate)/key.pem; ssl_session_tickets off; return 200; }
      }

      """)
    program = try Running(
      try Program.find("nginx"), ["-p", folder, "-c", "nginx.conf", "-e", "error.log"],
      stdout: folder + "/log",
      stderr: folder + "/log")
    try await eventually("nginx answers") { Loopback.answers(FleetScene.address(1), 8443) }
  }

  func stop() async { await program.stop() }
}
