import Controller
import Fleet
import Foundation
import Synchronization
import ThrowawayFleet
import struct Fleet.Host

/// A controller in this process, with a state of its own, two real hosts and a certificate from files. Nothing of it knows a terminal.
final class ControllerScene: Sendable {
  let scratch: ScratchFolder
  let hosts: [SSHServer]
  private let told = Mutex<[ControllerEvent]>([])

  var events: [ControllerEvent] { told.withLock { $0 } }
  var home: String { scratch.path + "/state" }

  init() async throws {
    scratch = try ScratchFolder()
    let network = Loopback.random()
    let folder = scratch.path
    try await KeyPair.make(at: folder + "/id", type: "ed25519")
    let key = Files.read(folder + "/id.pub")
    var hosts: [SSHServer] = []
    for number in 1...2 {
      hosts.append(
        try await SSHServer(
          in: "\(folder)/sshd\(number)", at: network.host(number), home: "\(folder)/home\(number)",
          authorizedKey: key))
    }
    self.hosts = hosts
    try await SelfSigned.make("one.example", in: folder)
  }

  /// - Parameter policy: more of the rollout policy, beginning with a comma.
  func declare(waves: String = "['rest']", policy: String = "", hook: String = ":") async throws {
    let declared = hosts.enumerated().map { "{name: 'web\($0 + 1)', address: '\($1.address)'}" }
    try scratch.write(
      "fleet.json5",
      """
      { defaults: {port: 2222, identity: 'id', base: '~/certs'}, hosts: [\(declared.joined(separator: ", "))],
        issuers: [{name: 'bought', type: 'files'}],
        certificates: [{name: 'one.example', domains: ['one.example'], issuer: 'bought', certificate: 'cert.pem',
          private_key: 'key.pem', deploy: [{to: '*', rollout: 'p', hooks: {deploy: ["\(hook)"]}}]}],
        rollouts: [{name: 'p', waves: \(waves)\(policy)}] }
      """)
    _ = try await Controller.apply(
      [scratch.path + "/fleet.json5"], at: home, environment: [:], prune: false, isDryRun: false)
  }

  func controller() throws -> Controller {
    try Controller(at: home, environment: ["HOME": scratch.path]) { [self] event in
      told.withLock { $0.append(event) }
    }
  }

  /// Declared and pinned.
  func prepared(waves: String = "['rest']", policy: String = "", hook: String = ":") async throws
    -> Controller
  {
    try await declare(waves: waves, policy: policy, hook: hook)
    let controller = try controller()
    for (host, server) in zip(try await controller.hostsToPin([]), hosts) {
      let result = try await controller.pin(host, wanted: try await server.fingerprint(), keeping: false) {
        _, _ in false
      }
      guard case .pinned = result else { throw Program.Failed("\(host.name) is not pinned: \(result)") }
    }
    return controller
  }

  /// The generation that a host's own disk says.
  func generation(on number: Int) -> String? {
    let link = "\(scratch.path)/home\(number)/certs/live/one.example"
    return try? FileManager.default.destinationOfSymbolicLink(atPath: link).split(separator: "/").last
      .map(String.init)
  }

  /// How the visits have ended, as the listener was told.
  var ends: [Host.Name: VisitEnd] {
    events.reduce(into: [:]) { ends, told in
      guard case .recorded(let event) = told, case .visitEnded(let end, _) = event.kind,
        let host = event.subject.host
      else { return }
      ends[host] = end
    }
  }

  func stop() async { for host in hosts { await host.stop() } }
}
