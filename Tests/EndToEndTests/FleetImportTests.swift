import Foundation
import Testing
import ThrowawayFleet

/// What real programs have written, to a fleet that is rolled out to.
@Suite(.serialized) struct FleetImportTests {
  @Test func `an inventory of Ansible's is a first rollout in five commands`() async throws {
    let scene = try await Scene(hosts: 3)
    let folder = scene.scratch.path + "/ansible"
    try Files.makeFolder(folder + "/group_vars")
    try Files.write(
      folder + "/hosts.ini",
      "[web]\n" + scene.hosts.map { "\($0.name) ansible_host=\($0.address)\n" }.joined()
        + "[idle]\nidle[01:37].example.net\n[site:children]\nweb\nidle\n")
    try Files.write(
      folder + "/group_vars/site.yml",
      "ansible_port: 2222\nansible_ssh_private_key_file: \(scene.fleet.identity)\nansible_ssh_common_args: -o ControlMaster=auto\n"
    )
    try Files.write(folder + "/group_vars/idle.yml", "ansible_become: true\nansible_user: deploy\n")
    var fresh = CertfleetProgram(home: scene.scratch.path + "/fresh")
    fresh.environment["PATH"] = ProcessInfo.processInfo.environment["PATH"]
    let listed = try await Program.succeed(
      try Program.find("ansible-inventory"), ["-i", folder + "/hosts.ini", "--list"],
      environment: ["HOME": scene.scratch.path])
    let inventory = scene.scratch.path + "/imported.json5"
    let imported = try await fresh(
      "host", "import", "--from-ansible", "-", "--write", inventory, stdin: listed)
    #expect(imported.status == 0, "\(imported.everything)")
    #expect(imported.stderr.contains("understood: 40 hosts: "), "\(imported.everything)")
    #expect(!imported.stderr.contains("not taken"), "\(imported.everything)")
    let again = try await fresh("host", "import", "--from-ansible", "-", "--write", inventory, stdin: listed)
    #expect(again.status != 0 && again.stderr.contains("is there already"))
    // What a person adds: a folder of their own for hosts that are one machine, and what goes to them.
    let text = Files.read(inventory).replacing("defaults: {", with: "defaults: { base: '~/certs',")
    #expect(text.contains("base: '~/certs', port: 2222"), "\(text)")
    try Files.write(inventory, text)
    try scene.scratch.write(
      "certificates.json5",
      """
      { issuers: [{name: 'pebble', directory: '\(scene.fleet.authority.directory)', agree_to_terms: true, ca_file: 'pebble/ca.pem'}],
        certificates: [{ name: 'one.example', domains: ['one.example'], issuer: 'pebble',
          challenge: {type: 'http-01', listen: '\(scene.fleet.network.controller):\(scene.fleet.authority.challengePort)'},
          deploy: [{ to: 'web', hooks: { deploy: ['true'] } }] }] }
      """)
    try await fresh.succeed("apply", inventory, scene.scratch.path + "/certificates.json5")
    var known = ""
    for host in scene.hosts { known += "[\(host.address)]:2222 " + Files.read(host.ssh.hostKeyFile + ".pub") }
    let pinned = try await fresh(
      "host", "pin", "--from-known-hosts", try scene.scratch.write("known_hosts", known), "web1", "web2",
      "web3")
    #expect(pinned.status == 0, "\(pinned.everything)")
    let run = try await fresh("run")
    #expect(run.status == 0, "\(run.everything)")
    #expect(run.stderr.contains("succeeded"), "\(run.everything)")
    await scene.fleet.stop()
  }

  @Test func `a certificate of lego's keeps its names, its key's kind and its files`() async throws {
    let scene = try await IssuingScene(.init(nonceReject: 0))
    let folder = scene.scratch.path + "/lego"
    let issued = try await Program.run(
      try Program.find("lego"),
      [
        "--server", scene.ca.directory, "--accept-tos", "--email", "ops@example.com", "--path", folder,
        "--http",
        "--http.port", "\(scene.ca.network.controller):\(scene.ca.challengePort)", "--key-type", "ec384",
        "-d", "one.example",
        "-d", "www.one.example", "run",
      ], environment: ["LEGO_CA_CERTIFICATES": scene.ca.caFile])
    #expect(issued.status == 0, "\(issued.everything)")
    let result = try await scene.expect(0, "host", "import", "--from-lego", folder)
    #expect(result.stdout.contains("domains: [\"one.example\", \"www.one.example\"]"), "\(result.everything)")
    #expect(
      result.stdout.contains("ecdsa-p384") && result.stdout.contains("\(folder)/certificates/one.example.key")
    )
    #expect(result.stdout.contains("mailto:ops@example.com"))
    #expect(result.stderr.contains("whose ACME directory lego's folder does not name"), "\(result.stderr)")
    try scene.scratch.write("imported.json5", result.stdout)
    try await scene.expect(0, "apply", "--dry-run", scene.scratch.path + "/imported.json5")
    await scene.ca.stop()
  }
}
