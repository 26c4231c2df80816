import Fleet
import Foundation
import Inventory
import Testing
import ThrowawayFleet

@Suite struct InventoryFileTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private func read(_ text: String) throws -> FleetDeclaration {
    let file = try scratch.write("f.json5", text)
    return try InventoryFiles.read([file], beside: FleetDeclaration())
  }

  private func problems(_ text: String) -> [String] {
    do {
      _ = try read(text)
      return []
    } catch let invalid as InvalidInventory {
      return invalid.problems.map { "\($0.path): \($0.message)" }
    } catch { return ["another error: \(error)"] }
  }

  static let issuer = "issuers: [{name: 'ca', directory: 'https://ca.example/dir', agree_to_terms: true}]"

  @Test func `a whole fleet is read, with defaults and short forms`() throws {
    let fleet = try read(
      """
      { // a comment
        defaults: { user: 'deploy', port: 2200, become: true, base: '~/certs', take_over: 'certbot', parallel: 7, },
        hosts: [ {name: 'web1', address: '10.0.0.1', labels: {role: 'web'}},
          {name: 'web2', port: 22, become: false, take_over: 'none'} ],
        \(Self.issuer),
        certificates: [ { name: 'c', domains: ['Example.com', 'example.COM.', 'www.example.com'], issuer: 'ca',
          deploy: [ { to: 'role=web', rollout: 'p', hooks: {pre: 'a', deploy: [{run: 'b', timeout: '5s'}]},
                      verify: [{tls: '443'}, {tls: 8443, name: 'www.example.com'}] } ] } ],
        rollouts: [ {name: 'p', waves: [1, '10%', {take: 'rest'}], max_failed: '5%'} ],
      }
      """)
    #expect(
      fleet.hosts[0]
        == Host(
          name: "web1", address: "10.0.0.1", port: 2200, user: "deploy", become: Become(), base: "~/certs",
          takeOver: .certbot, labels: ["role": "web"]))
    #expect(fleet.hosts[1].address == "web2" && fleet.hosts[1].port == 22 && fleet.hosts[1].become == nil)
    #expect(fleet.hosts[1].takeOver == nil)
    #expect(fleet.lineages[0].domains == ["example.com", "www.example.com"])
    let deployment = fleet.lineages[0].deployments[0]
    #expect(
      deployment.hooks == Hooks(pre: [Hook(command: "a")], deploy: [Hook(command: "b", timeout: .seconds(5))])
    )
    #expect(deployment.verify.map(\.words) == ["tls://:443 (example.com)", "tls://:8443 (www.example.com)"])
    #expect(fleet.policies[0].waves.map(\.take) == [.count(1), .percent(10), .rest])
    #expect(fleet.policies[0].parallel == 7)
  }

  @Test(arguments: [
    ("{hosts: [{name: 'a', adress: 'x'}]}", "hosts[0]: unknown key 'adress'; did you mean 'address'?"),
    ("{hosts: [{name: 'a', port: 'yes'}]}", "hosts[0].port: expected a number, got 'yes'"),
    (
      "{hosts: [{name: 'a', take_over: 'lego'}]}",
      "hosts[0].take_over: 'lego' is not one of certbot, none"
    ),
    ("{hosts: [{name: 'a', port: 0}]}", "hosts[0].port: 0 is not a port (1 to 65535)"),
    ("{hosts: [{name: 'a', port: 22.5}]}", "hosts[0].port: 22.5 is not a port (1 to 65535)"),
    ("{hosts: [{name: '-a'}]}", "hosts[0].name: '-a' must begin with a letter or a digit"),
    (
      "{hosts: [{name: 'a b'}]}",
      "hosts[0].name: 'a b' holds the illegal character U+0020 ' '; use letters, digits, '.', '_' and '-'"
    ),
    (
      "{hosts: [{name: 'a\\u001b'}]}",
      "hosts[0].name: 'a\\u{1B}' holds the illegal character U+001B; use letters, digits, '.', '_' and '-'"
    ),
    (
      "{hosts: [{name: 'a', address: 'root@b'}]}",
      "hosts[0].address: 'root@b' holds a user; write user: 'root' and address: 'b'"
    ),
    (
      "{hosts: [{name: 'a', base: '/etc/../x'}]}",
      "hosts[0].base: '/etc/../x' holds '.' or '..'; write the path in full"
    ),
    (
      "{hosts: [{name: 'a', base: '/'}]}",
      "hosts[0].base: '/' cannot be used; name a folder of its own, such as '/etc/certfleet'"
    ),
    ("{hosts: [{name: 'a'}, {name: 'a'}]}", "hosts[1]: the name 'a' is taken by FILE: hosts[0]"),
    ("{hosts: {}}", "hosts: expected a list, got an object"),
    ("[]", ": expected an object, got a list"),
    ("{host: []}", ": unknown key 'host'; did you mean 'hosts'?"),
    ("{hosts: [{}]}", "hosts[0]: 'name' is missing"),
    (
      "{issuers: [{name: 'a', directory: 'http://x/', agree_to_terms: true}]}",
      "issuers[0].directory: 'http://x/' is not an https URL; RFC 8555 §6.1 demands https"
    ),
    (
      "{issuers: [{name: 'a', directory: 'https://x/'}]}",
      "issuers[0]: 'agree_to_terms' is missing; read the CA's terms of service and set it to true"
    ),
    (
      "{issuers: [{name: 'a', type: 'acmee', directory: 'https://x/', agree_to_terms: true}]}",
      "issuers[0].type: 'acmee' is not one of acme, certbot, files; did you mean 'acme'?"
    ),
    (
      "{hosts: [{name: 'a', address: 'web1:22'}]}",
      "hosts[0].address: 'web1:22' holds a port; write address: 'web1', port: 22"
    ),
    (
      "{hosts: [{name: 'a', connection: 'telnet'}]}",
      "hosts[0].connection: 'telnet' is not one of auto, libssh2, ssh, local"
    ),
    (
      "{hosts: [{name: 'a'}, {name: 'b', connection: 'local', via: 'a'}]}",
      "hosts[1].via: is this machine itself, which is reached through no other"
    ),
    (
      "{hosts: [{name: 'a', become: {method: 'su'}}]}",
      "hosts[0].become.method: 'su' is not one of sudo, doas"
    ),
    (
      "{hosts: [{name: 'a', become: {metod: 'sudo'}}]}",
      "hosts[0].become: unknown key 'metod'; did you mean 'method'?"
    ),
    (
      "{hosts: [{name: 'web1'}], issuers: [{name: 'f', type: 'certbot', path: '/etc/letsencrypt'}], certificates: [{name: 'x', issuer: 'f', deploy: [{to: 'web1'}]}]}",
      "certificates[0].deploy[0].to: 'web1' picks no host; it is a label here; a host by its name: 'name:web1'"
    ),
    (
      "{rollouts: [{name: 'a', waves: ['rest', 1]}]}",
      "rollouts[0].waves[0]: 'rest' can only be the last wave"
    ),
    (
      "{rollouts: [{name: 'a', waves: [0]}]}",
      "rollouts[0].waves[0]: 0 is not a number of hosts (1 to 1000000)"
    ),
    (
      "{hosts: [{name: 'w'}], rollouts: [{name: 'a', waves: ['ten%']}]}",
      "rollouts[0].waves[0]: 'ten%' is not a number of hosts or a percentage; write 5 or '5%'"
    ),
    (
      "{hosts: [{name: 'w'}], rollouts: [{name: 'a', waves: ['10']}]}",
      "rollouts[0].waves[0]: '10' is a text; write a number of hosts without quotes"
    ),
    (
      "{hosts: [{name: 'w'}], rollouts: [{name: 'a', waves: [1, 'rst']}]}",
      "rollouts[0].waves[1]: 'rst' picks no host; a wave takes a number, a percentage such as '10%', a selector, or 'rest'"
    ),
    (
      "{rollouts: [{name: 'a', waves: [{take: 1, bake: '31d'}]}]}",
      "rollouts[0].waves[0].bake: '31d' is longer than 30 days; certificates would end before the rollout"
    ),
    (
      "{rollouts: [{name: 'a', waves: [{take: 1, aprove: true}]}]}",
      "rollouts[0].waves[0]: unknown key 'aprove'; did you mean 'approve'?"
    ),
    (
      "{rollouts: [{name: 'a', order: 'random'}]}",
      "rollouts[0].order: 'random' is not an order; write 'name', 'failed-first' or 'label:KEY'"
    ),
    (
      "{rollouts: [{name: 'a', on_failure: 'revert'}]}",
      "rollouts[0].on_failure: 'revert' is not one of halt, revert-host, revert-wave, revert-all"
    ),
    (
      "{rollouts: [{name: 'a', limits: [{parallel: 2, among: 'rack=r7', per: 'rack'}]}]}",
      "rollouts[0].limits[0].per: 'among' says already which hosts; write two limits"
    ),
    (
      "{rollouts: [{name: 'a', window: {days: 'mon-fry', from: '02:00', to: '05:00', zone: 'UTC'}}]}",
      "rollouts[0].window.days: 'mon-fry' are not days; write 'mon-fri', or 'sat,sun'"
    ),
    (
      "{rollouts: [{name: 'a', window: {from: '2:61', to: '05:00', zone: 'UTC'}}]}",
      "rollouts[0].window.from: '2:61' is not a time of day (00:00 to 24:00)"
    ),
    (
      "{rollouts: [{name: 'a', window: {from: '02:00', to: '05:00', zone: 'Berlin'}}]}",
      "rollouts[0].window.zone: 'Berlin' is not a time zone; write its name in the IANA database, such as 'Europe/Berlin' or 'UTC'"
    ),
    (
      "{rollouts: [{name: 'a', window: {from: '02:00', to: '05:00'}}]}",
      "rollouts[0].window: 'zone' is missing"
    ),
    (
      "{rollouts: [{name: 'mail', after: 'wep'}, {name: 'web'}]}",
      "rollouts[0].after: there is no rollout policy 'wep'; did you mean 'web'?"
    ),
    (
      "{rollouts: [{name: 'a', after: 'a'}]}",
      "rollouts[0].after: a after a goes round in a circle, and none could begin"
    ),
    (
      "{rollouts: [{name: 'a', max_failed: '101%'}]}",
      "rollouts[0].max_failed: '101%' is not a percentage (0% to 100%)"
    ),
    (
      "{rollouts: [{name: 'a', max_failed: -1}]}",
      "rollouts[0].max_failed: -1 is not a number of hosts (0 to 1000000)"
    ),
  ])
  func `a mistake is named with its path, its value and the rule`(text: String, problem: String) {
    let found = problems(text).map { $0.replacing(scratch.path + "/f.json5", with: "FILE") }
    #expect(found == [problem])
  }

  @Test(arguments: [
    ("a_b.example", "holds '_'"), ("a..example", "empty label (label 2 of 3)"),
    ("-a.example", "begins or ends with '-'"),
    ("localhost", "single label"), ("10.0.0.1", "is an address of a private network"),
    ("mail.local", "is below '.local'"),
    ("1.2.3", "is neither a DNS name nor an IP address"), ("$(id).example", "U+0024 '$'"),
    ("a.*.example", "'*' elsewhere"), ("**.example", "'*' elsewhere"), ("a\\nb.example", "U+000A"),
    ("*.example.com", "wildcards need dns-01"),
    (String(repeating: "a", count: 64) + ".example", "label of 64"),
    (Array(repeating: "abcdefgh", count: 30).joined(separator: "."), "269 characters"),
    ("xn--zzzzzz.example", "not valid punycode"),
  ])
  func `names that no CA certifies are refused with the place`(name: String, reason: String) {
    let found = problems("{\(Self.issuer), certificates: [{name: 'c', domains: ['\(name)'], issuer: 'ca'}]}")
    #expect(found.count == 1 && found[0].contains(reason), "\(found)")
  }

  @Test func `names that only some CAs certify are judged by the CA`() throws {
    func found(_ name: String, _ issuer: String, _ more: String = "") -> [String] {
      problems(
        "{issuers: [{name: 'ca', agree_to_terms: true, \(issuer)}], certificates: [{name: 'c', domains: ['\(name)'], issuer: 'ca' \(more)}]}"
      )
    }
    let letsEncrypt = "directory: 'https://acme-v02.api.letsencrypt.org/directory'"
    #expect(found("8.8.8.8", letsEncrypt).first?.contains("only with profile: 'shortlived'") == true)
    #expect(found("8.8.8.8", letsEncrypt, ", profile: 'shortlived'").isEmpty)
    let own = "directory: 'https://ca.lan/dir', ca_file: '\(try scratch.write("ca.pem", "x"))'"
    for name in ["web1", "mail.local", "10.0.0.1", "FD00:0::1"] { #expect(found(name, own).isEmpty) }
    let dns = ", challenge: {type: 'dns-01', auth_hook: 'true'}"
    #expect(found("10.0.0.1", own, dns).first?.contains("IP addresses need http-01") == true)
    #expect(found("*.a.example", own, dns).isEmpty)
  }

  @Test func `international names become A-labels`() throws {
    let fleet = try read(
      "{\(Self.issuer), certificates: [{name: 'c', domains: ['Bücher.example'], issuer: 'ca'}]}")
    #expect(fleet.lineages[0].domains == ["xn--bcher-kva.example"])
  }

  @Test(arguments: [
    ("example.com.", ["'example.com.' is taken without the dot at its end"]),
    ("Bücher.example", ["'Bücher.example' is xn--bcher-kva.example to CAs and servers"]),
    (
      "p\u{430}ypal.example",
      [
        "'p\u{430}ypal.example' is xn--pypal-4ve.example to CAs and servers",
        "'p\u{430}ypal' mixes Cyrillic and Latin letters, which look alike; browsers show it as xn--…",
      ]
    ), ("example.com", []), ("почта.example", ["'почта.example' is xn--80a1acny.example to CAs and servers"]),
    ("東京タワー.example", ["'東京タワー.example' is xn--5ck2eqb538s34z.example to CAs and servers"]),
  ])
  func `what is taken and perhaps not meant is told with its place`(name: String, notes: [String]) throws {
    let scratch = try ScratchFolder()
    let file = try scratch.write(
      "f.json5",
      "{\(Self.issuer), certificates: [{name: 'c', issuer: 'ca', domains: ['\(name)']}]}"
    )
    var told: [String] = []
    _ = try InventoryFiles.read([file], beside: FleetDeclaration(), noting: { told.append("\($0)") })
    #expect(told == notes.map { "\(file): certificates[0].domains[0]: \($0)" })
  }

  @Test(arguments: [
    ("to: 'role=nope'", "deploy[0].to: 'role=nope' picks no host"), ("to: 'role in ('", "is not a selector"),
    ("to: '*', rollout: 'p'", "there is no rollout policy 'p'"),
    ("to: '*', hooks: {deploy: ['']}", "a hook cannot be empty"),
    ("to: '*', hooks: {deploy: ['a\\u0000b']}", "the character NUL cannot stand in a string"),
    (
      "to: '*', hooks: {deploy: [{run: 'x', timeout: '5'}]}",
      "'5' is not a duration; write a number with its unit"
    ),
    ("to: '*', hooks: {depoly: ['x']}", "unknown key 'depoly'; did you mean 'deploy'?"),
    ("to: '*', verify: [{tls: '22abc'}]", "'22abc' is not a port"),
    ("rollout: 'standard'", "'to' is missing"),
    ("to: '*', hooks: {deploy: ['@ngnix']}", "'@ngnix' is no ready-made hook; there are @nginx, @apache"),
    ("to: '*', hooks: {deploy: ['@systemd']}", "@systemd needs the name of a unit"),
    ("to: '*', hooks: {deploy: [\"@nginx a'b\"]}", "cannot be an argument of @nginx"),
    ("to: '*', hooks: {deploy: [{run: 'x', user: 'a b'}]}", "'a b' is not a user's or a group's name"),
    ("to: '*', hooks: {deploy: [{run: 'x', on_failure: 'ignore'}]}", "'ignore' is not one of stop, continue"),
    ("to: '*', hooks: {deploy: [{run: 'x', on: 'controller'}]}", "deploy hooks run on the hosts"),
    ("to: '*', hooks: {deploy: [{run: 'x', environment: {'a-b': '1'}}]}", "'a-b' is not"),
    ("to: '*', hooks: {deploy: [{run: 'x', environment: {RENEWED_DOMAINS: '1'}}]}", "'RENEWED_DOMAINS'"),
    ("to: '*', hooks: {directories: 'renewal-hooks'}", "'renewal-hooks'"),
    ("to: '*', files: [{format: 'p12', path: '/x'}]", "'p12' is not one of pem, fullchain, haproxy"),
    ("to: '*', files: [{format: 'fullchain', path: 'x.pem'}]", "'x.pem'"),
    (
      "to: '*', files: [{format: 'fullchain', path: '/etc/x/'}]", "'/etc/x/' is a folder; name the file in it"
    ),
    ("to: '*', files: [{format: 'fullchain', path: '/etc/.x'}]", "begins with a dot"),
    ("to: '*', files: [{format: 'pem', path: '/a'}]", "'key_path' is missing"),
    ("to: '*', files: [{format: 'pem', path: '/a', key_path: '/a'}]", "are the same file"),
    ("to: '*', files: [{format: 'haproxy', path: '/a', key_path: '/b'}]", "haproxy is one file"),
    ("to: '*', files: [{format: 'haproxy', path: '/a', mode: '0644'}]", "lets everybody read a private key"),
    ("to: '*', files: [{format: 'haproxy', path: '/a', mode: '4640'}]", "'4640' is not a mode"),
    ("to: '*', files: [{format: 'fullchain', path: '/a', mode: '0755'}]", "makes it a program"),
    ("to: '*', files: [{format: 'pkcs12', path: '/a'}]", "'password_file' is missing"),
    (
      "to: '*', files: [{format: 'haproxy', path: '/a', allow: 'links'}]",
      "'links' is not one of symlink, shared, apart"
    ),
    (
      "to: '*', files: [{format: 'haproxy', path: '/a', allow: ['shared', 'symlink']}]",
      "'symlink' and 'shared' do not meet"
    ),
    ("to: '*', layout: {key_mode: '0644'}", "lets everybody read a private key"),
    ("to: '*', layout: {key_mode: '0660'}", "key_mode"),
    ("to: '*', layout: {mode: '0640'}", "mode"),
    (
      "to: '*', files: [{format: 'pem', path: '/etc/ssl/certs/a', key_path: '/etc/ssl/private/a', allow: ['shared']}]",
      "files[0].key_path: is in another folder than the certificate, and two folders do not change in one moment"
    ),
    (
      "to: '*', files: [{format: 'haproxy', path: '/a'}, {format: 'fullchain', path: '/a'}]",
      "deploy[0].files[1]: writes '/a' on a, and so does another of its files"
    ),
    (
      "to: '*', files: [{format: 'haproxy', path: '/a'}, {format: 'haproxy', path: '/a'}]",
      "deploy[0].files[1]: is there twice"
    ),
    ("to: '*', verify: [{tls: 25, starttls: 'telnet'}]", "'telnet' is not one of smtp, imap"),
    ("to: '*', verify: [{run: 'x', starttls: 'smtp'}]", "belongs to a look at TLS"),
    ("to: '*', verify: [{tls: 443, from: 'moon'}]", "'moon' is not one of"),
  ])
  func `a deployment's mistakes are named`(deployment: String, reason: String) {
    let found = problems(
      "{hosts: [{name: 'a'}], \(Self.issuer), certificates: [{name: 'c', domains: ['x.example'], issuer: 'ca', deploy: [{\(deployment)}]}]}"
    )
    #expect(found.count == 1 && found[0].contains(reason), "\(found)")
  }

  @Test(arguments: [
    (
      "{name: 'a', via: 'bastoin'}, {name: 'bastion'}",
      "hosts[0].via: there is no host 'bastoin'; did you mean 'bastion'?"
    ),
    ("{name: 'a', via: 'a'}", "hosts[0].via: goes round in a circle: a via a"),
    (
      "{name: 'a', via: 'b'}, {name: 'b', via: 'c'}, {name: 'c', via: 'a'}",
      "goes round in a circle: a via b via c via a"
    ),
    ("{name: 'a', passphrase_file: 'none'}", "hosts[0].passphrase_file"),
  ])
  func `a way that leads nowhere is named`(hosts: String, problem: String) {
    let found = problems("{hosts: [\(hosts)]}")
    #expect(!found.isEmpty && found[0].contains(problem), "\(found)")
  }

  @Test(arguments: [
    (
      "{hosts: [{name: 'a', port: 1, name: 'b'}]}",
      "line 1, column 31: 'name' stands here a second time; the first is in line 1"
    ),
    (
      "{\n  // hosts: twice?\n  \"hosts\": [], /* a: b */\n  hosts: [{name: 'a:b\\\\'}]\n}",
      "line 4, column 3: 'hosts' stands here a second time; the first is in line 3"
    ),
  ])
  func `a member that stands twice is told, with both places`(text: String, told: String) throws {
    let found = problems(text)
    #expect(found.count == 1 && found[0].contains(told), "\(found)")
  }

  @Test func `colons in strings and comments are no members`() throws {
    #expect(
      problems(
        "{hosts: [{name: 'a', address: '::1' /* x: y */, labels: {\"a\": 'b', c: 'x', } }] // it\\'s: 1\n}"
      )
      .isEmpty)
  }

  @Test func `what ssh would do goes before the defaults, and what a host says before that`() throws {
    let file = try scratch.write(
      "f.json5",
      "{defaults: {user: 'deploy', port: 2200, ssh_config: true}, hosts: [{name: 'a'}, {name: 'b', port: 22, user: 'own', via: 'a'}, {name: 'c', ssh_config: false}, {name: 'd', ssh_config: 'mine'}, {name: 'gate', ssh_config: false}]}"
    )
    let fleet = try InventoryFiles.read([file], beside: FleetDeclaration()) { host, configuration in
      if let configuration { #expect(host == "d" && configuration.hasSuffix("/mine")) }
      return SSHSettings(
        address: host + ".net", port: 24, user: "ssh", identity: "/id", jumps: ["far", "gate"])
    }
    let shown = fleet.hosts.map { "\($0.address) \($0.port) \($0.user ?? "") \($0.via?.rawValue ?? "-")" }
    #expect(
      shown == [
        "a.net 24 ssh gate", "b.net 22 own a", "c 2200 deploy -", "d.net 24 ssh gate", "gate 2200 deploy -",
      ])
    let nobody = problems("{hosts: [{name: 'a', ssh_config: true}]}")
    #expect(nobody.count == 1 && nobody[0].contains("hosts[0]: ssh does not say how it would reach 'a'"))
  }

  @Test func `a way by default is for all but the host that it names`() throws {
    let fleet = try read(
      "{defaults: {via: 'gate'}, hosts: [{name: 'a'}, {name: 'gate'}, {name: 'b', via: 'a'}]}")
    #expect(fleet.hosts.map(\.via) == ["gate", nil, "a"])
  }

  @Test func `everything that a deployment may say is read`() throws {
    try scratch.write("p12", "changeit")
    let fleet = try read(
      """
      { hosts: [{name: 'a', agent: 'installed'}], \(Self.issuer), certificates: [{name: 'c', domains: ['x.example'], issuer: 'ca',
        deploy: [{ to: '*', layout: {group: 'ssl-cert'},
          files: [
            {format: 'pem', path: '/etc/x/tls.crt', key_path: '/etc/x/tls.key', owner: 'root', group: 'ssl-cert', mode: '640'},
            {format: 'java-keystore', path: '~/store.p12', password_file: 'p12', allow: 'symlink'},
            {format: 'der', path: '/etc/y/a.crt', key_path: '/etc/z/a.key', allow: ['shared', 'apart']},
          ],
          hooks: { pre: [{run: 'drain', on: 'controller', timeout: '1m'}], directories: '/etc/letsencrypt/renewal-hooks',
            deploy: ['@nginx', {run: 'app reload', user: 'app', on_failure: 'continue', environment: {A_B: 'c d'}}], coalesce: true },
          verify: [{tls: 25, starttls: 'smtp', from: 'host'}, {run: 'curl -f https://x', timeout: '9s'}] }] }] }
      """)
    #expect(fleet.hosts[0].hasAgent)
    let deployment = fleet.lineages[0].deployments[0]
    #expect(
      deployment.files == [
        FileInstallation(
          format: .pem, path: "/etc/x/tls.crt", keyPath: "/etc/x/tls.key", owner: "root", group: "ssl-cert",
          mode: "0640"),
        FileInstallation(
          format: .javaKeystore, path: "~/store.p12", allowances: [.symlink],
          passwordFile: scratch.path + "/p12"),
        FileInstallation(
          format: .der, path: "/etc/y/a.crt", keyPath: "/etc/z/a.key", allowances: [.shared, .apart]),
      ])
    #expect(deployment.layout == KeyLayout(group: "ssl-cert", mode: "0640"))
    let hooks = deployment.hooks
    #expect(hooks.isCoalesced && hooks.directories == ["/etc/letsencrypt/renewal-hooks"])
    #expect(hooks.pre == [Hook(command: "drain", timeout: .seconds(60), place: .controller)])
    #expect(
      hooks.deploy == [
        Hook(command: "@nginx"),
        Hook(command: "app reload", user: "app", onFailure: .continue, environment: ["A_B": "c d"]),
      ])
    #expect(deployment.verify.map(\.place) == [.host, .host])
  }

  @Test(arguments: [
    (
      "deploy: [{to: '*', rollout: 'standard'}, {to: 'a*', rollout: 'p'}]", "",
      "certificates[0].deploy[1]: picks a, as deploy[0] does, with another rollout"
    ),
    (
      "deploy: [{to: 'a', files: [{format: 'haproxy', path: '/x'}]}]",
      "files: [{format: 'fullchain', path: '/x'}]",
      "certificates[1].deploy[0].files[0]: writes '/x' on a, and so does certificate c"
    ),
    (
      "key: {on: 'host'}, deploy: [{to: '*', files: [{format: 'der', path: '/x', key_path: '/y'}]}]", "",
      "deploy[0].files[0].format: der is made with the private key, which stays on the host"
    ),
  ])
  func `what meets on a host must go together`(first: String, second: String, reason: String) {
    let found = problems(
      """
      {hosts: [{name: 'a', labels: {a: 'y'}}], \(Self.issuer), rollouts: [{name: 'p'}], certificates: [
        {name: 'c', domains: ['x.example'], issuer: 'ca', \(first)},
        {name: 'd', domains: ['y.example'], issuer: 'ca', deploy: [{to: '*', \(second)}]}]}
      """)
    #expect(found.count == 1 && found[0].contains(reason), "\(found)")
  }

  @Test func `a path that a stored certificate writes is taken`() throws {
    let files = "files: [{format: 'haproxy', path: '/x'}]"
    func text(_ name: String) -> String {
      "{hosts: [{name: 'a'}], \(Self.issuer), certificates: [{name: '\(name)', domains: ['x.example'], issuer: 'ca', deploy: [{to: '*', \(files)}]}]}"
    }
    let stored = try read(text("c"))
    let other = try scratch.write("other.json5", text("d"))
    #expect(throws: InvalidInventory.self) { try InventoryFiles.read([other], beside: stored) }
    let same = try scratch.write("same.json5", text("c"))
    #expect(throws: Never.self) { try InventoryFiles.read([same], beside: stored) }
  }

  @Test func `all mistakes are reported at once`() {
    #expect(problems("{hosts: [{name: '', port: 0, x: 1}, {name: 3}], rollouts: [{}], y: 2}").count == 6)
  }

  @Test func `a reference may go to what is stored already`() throws {
    let file = try scratch.write(
      "f.json5", "{certificates: [{name: 'c', domains: ['x.example'], issuer: 'ca', deploy: [{to: 'a'}]}]}")
    #expect(throws: InvalidInventory.self) { try InventoryFiles.read([file], beside: FleetDeclaration()) }
    let known = FleetDeclaration(
      hosts: [Host(name: "a", address: "a", labels: ["a": "1"])],
      issuers: [Issuer(name: "ca", source: .acme(ACMEAuthority(directory: "https://x/")))])
    #expect(try InventoryFiles.read([file], beside: known).lineages.count == 1)
  }

  @Test(arguments: [
    (Data(), "is empty"), (Data(" \n".utf8), "is empty"),
    (Data([0xef, 0xbb, 0xbf]) + Data("{}".utf8), "byte order mark"),
    (Data([0xff, 0xfe, 0x7b, 0]), "UTF-16"), (Data([0x7b, 0xc3, 0x28, 0x7d]), "not valid UTF-8"),
    (Data("{a: ".utf8), "not valid JSON5"),
    (Data(String(repeating: "[", count: 100_000).utf8), "not valid JSON5"),
  ])
  func `a file that is not text of ours is named as what it is`(content: Data, reason: String) throws {
    let file = scratch.path + "/f.json5"
    try content.write(to: URL(filePath: file))
    #expect { try InventoryFiles.read([file], beside: FleetDeclaration()) } throws: {
      "\($0)".contains(reason)
    }
  }

  @Test(arguments: [
    ("{hosts: [\n  {name: 'x' port: 3}]}", "line 2, column 14: expected ',' or '}', found 'p'"),
    ("{hosts: [\n\n  {name: 'x}]}", "line 3, column 10: this string is not closed"),
    ("{hosts: [{name: web1}]}", "line 1, column 17: 'web1' is not a value; put text in quotes"),
    ("{hosts: [{name 1}]}", "line 1, column 16: expected ':' after the key, found '1'"),
    ("{hosts: [", "line 1, column 10: expected a value, found the end of the file"),
    ("{} x", "line 1, column 4: expected the end of the file, found 'x'"),
    ("{/* a", "line 1, column 2: this comment is not closed"),
    (String(repeating: "[", count: 600), "line 1, column 513: nested more than 512 deep"),
  ])
  func `a slip of the pen is shown with its line and column`(text: String, place: String) {
    #expect(problems(text) == [": is not valid JSON5: \(place)"])
  }

  @Test func `a file that everybody may write is refused`() throws {
    let file = try scratch.write("f.json5", "{}", mode: 0o646)
    #expect { try InventoryFiles.read([file], beside: FleetDeclaration()) } throws: {
      "\($0)".contains("chmod o-w \(file)")
    }
  }

  @Test func `the example of the repository is valid`() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../inventory")
      .standardizedFileURL
    let fleet = try InventoryFiles.read([root.path(percentEncoded: false)], beside: FleetDeclaration())
    #expect(!fleet.lineages.isEmpty)
  }

  /// The same names as a host refuses (`hook_is_valid` in Agents/agent/request.sh), but told before anything is sent.
  @Test(arguments: ["PATH", "IFS", "OPTIND", "BASHOPTS", "LD_PRELOAD", "certfleet_group"])
  func `a variable that a shell or certfleet needs is refused`(name: String) {
    let found = problems(
      "{issuers: [{name: 'b', type: 'files'}], certificates: [{name: 'c', domains: ['c.example'], issuer: 'b', certificate: 'c', private_key: 'k', deploy: [{to: '*', hooks: {deploy: [{run: 'true', environment: {\(name): 'x'}}]}}]}]}"
    )
    #expect(found.contains { $0.contains("'\(name)' is set by the system or by certfleet") }, "\(found)")
  }
}
