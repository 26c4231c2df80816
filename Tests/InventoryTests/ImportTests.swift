import Fleet
import Foundation
import Testing
import ThrowawayFleet

@testable import Inventory

/// What people have written down elsewhere becomes an inventory that applies.
@Suite struct ImportTests {
  /// The declaration that the written inventory is read as.
  private func applied(_ fleet: ImportedFleet) throws -> FleetDeclaration {
    let scratch = try ScratchFolder()
    let file = try scratch.write("imported.json5", fleet.inventory(from: "a test"))
    return try InventoryFiles.read([file], beside: FleetDeclaration()) { name, _ in
      SSHSettings(address: name, port: 22, user: "op")
    }
  }

  private func ansible(_ hostvars: String, _ groups: String = "") throws -> ImportedFleet {
    try AnsibleInventory.read(Data(#"{"_meta": {"hostvars": {\#(hostvars)}}\#(groups)}"#.utf8))
  }

  @Test func `hosts of Ansible keep their groups, ports, users and jump hosts`() throws {
    let fleet = try ansible(
      #"""
      "web1": {"ansible_host": "10.0.0.1", "ansible_port": "2222", "ansible_user": "deploy", "ansible_become": "yes",
        "ansible_ssh_common_args": "-o ProxyJump=jump@bastion.example.net:2200 -o StrictHostKeyChecking=no"},
      "web2": {"ansible_host": "10.0.0.2", "ansible_port": 2222, "ansible_user": "deploy", "ansible_become": true,
        "ansible_ssh_common_args": "-o ProxyCommand=\"ssh -W %h:%p -q bastion.example.net\""},
      "ctl": {"ansible_connection": "local"}
      """#,
      #"""
      , "all": {"children": ["ungrouped", "site_eu"]}, "site_eu": {"children": ["web"]},
      "web": {"hosts": ["web1", "web2", "bare"]}, "ungrouped": {"hosts": ["ctl"]}
      """#)
    let declared = try applied(fleet)
    let hosts = Dictionary(uniqueKeysWithValues: declared.hosts.map { ($0.name.rawValue, $0) })
    #expect(hosts.keys.sorted() == ["bare", "bastion.example.net", "ctl", "web1", "web2"])
    let web1 = try #require(hosts["web1"])
    #expect(
      web1.address == "10.0.0.1" && web1.port == 2222 && web1.user == "deploy" && web1.become == Become())
    #expect(web1.labels == ["web": "yes", "site_eu": "yes"] && web1.via == "bastion.example.net")
    #expect(hosts["web2"]?.via == "bastion.example.net" && hosts["ctl"]?.connection == .local)
    #expect(hosts["bastion.example.net"]?.port == 2200 && hosts["bastion.example.net"]?.user == "jump")
    #expect(hosts["bare"]?.labels["web"] == "yes" && hosts["bare"]?.address == "bare")
    #expect(fleet.notes.isEmpty, "\(fleet.notes)")
  }

  @Test func `this machine does not become root by what the other hosts have in common`() throws {
    let fleet = try ansible(
      #""web1": {"ansible_become": true}, "web2": {"ansible_become": true}, "ctl": {"ansible_connection": "local"}"#
    )
    let hosts = try applied(fleet).hosts
    #expect(hosts.first { $0.name == "web1" }?.become == Become())
    #expect(hosts.first { $0.name == "ctl" }?.become == nil)
  }

  @Test func `what Ansible says and certfleet cannot do is told, and left out`() throws {
    let fleet = try ansible(
      #"""
      "win1": {"ansible_connection": "winrm"}, "sw1": {"ansible_connection": "ansible.netcommon.network_cli"},
      "web1": {"ansible_password": "s3cret", "ansible_become": true, "ansible_become_password": "t0psecret",
        "ansible_host": "{{ lookup('dns', inventory_hostname) }}", "ansible_ssh_common_args": "-o Ciphers=aes128-ctr"},
      "web2": {"ansible_become": true, "ansible_become_method": "su", "ansible_port": "ssh"},
      "db 1": {}
      """#)
    let text = fleet.inventory(from: "a test")
    #expect(!text.contains("s3cret") && !text.contains("t0psecret"))
    #expect(fleet.hosts.map(\.name) == ["db-1", "web1", "web2"])
    let notes = fleet.noteLines.joined(separator: "\n")
    for said in [
      "winrm", "network_cli", "password", "template", "Ciphers=aes128-ctr", "'su'", "no port", "db 1",
    ] {
      #expect(notes.contains(said), "\(said): \(notes)")
    }
    #expect(try applied(fleet).hosts.count == 3)
  }

  @Test(arguments: [
    "", "[]", "{}", #"{"all": {"hosts": ["a"]}}"#, #"{"_meta": {"hostvars": {}}}"#, "not json",
  ])
  func `what is not Ansible's is refused`(text: String) {
    #expect(throws: AnsibleInventory.Malformed.self) { try AnsibleInventory.read(Data(text.utf8)) }
  }

  @Test func `a table has its columns in any order and under any name`() throws {
    let fleet = try CSVInventory.read(
      Data(
        "\u{FEFF}Region;SSH-User;IP address;Hostname;Port;Sudo;Tags;Bastion\r\neu;deploy;10.0.0.1;web1;2222;yes;web,env=prod;op@jump.example.net\r\n\r\n\"us;west\";deploy;10.0.0.2;\"web2\";;no;;\r\n;;10.0.0.3;;;;;\r\n;;;;22;;;\r\neu;deploy;;web1;22;maybe;;\r\n"
          .utf8))
    let hosts = Dictionary(uniqueKeysWithValues: fleet.hosts.map { ($0.name, $0) })
    #expect(hosts.keys.sorted() == ["10.0.0.3", "jump.example.net", "web1", "web2"])
    #expect(hosts["web1"]?.labels == ["Region": "eu", "web": "yes", "env": "prod"])
    #expect(hosts["web1"]?.via == "jump.example.net" && hosts["web1"]?.become == Become(.sudo))
    #expect(hosts["web2"]?.labels["Region"] == "us-west" && hosts["10.0.0.3"]?.address == nil)
    #expect(fleet.notes.contains { $0.of == ["line 5"] || $0.of == ["line 6"] }, "\(fleet.notes)")
    #expect(fleet.noteLines.contains { $0.contains("stands there twice") })
  }

  @Test(arguments: [
    ("", "is empty"), ("colour,size\nred,1\n", "names no column 'name' or 'address'"),
    ("name,host\na,b\n", "two columns for the same"),
    ("name,user\nweb1,\"root\n", "line 2 begins a quote that never ends"),
  ])
  func `a table that cannot be read says where`(text: String, why: String) {
    let error = #expect(throws: CSVInventory.Malformed.self) { try CSVInventory.read(Data(text.utf8)) }
    #expect(error?.description.contains(why) ?? false, "\(error?.description ?? "")")
  }

  @Test func `hosts of an ssh_config are reached as ssh reaches them`() throws {
    let scratch = try ScratchFolder()
    try scratch.write("more.conf", "Host db1 db2\n  User dba\n")
    let file = try scratch.write(
      "config",
      "Include \(scratch.path)/more.conf\nHost *.internal !x\n  User ops\nhost=web1 \"web 2\"\nHost github.com\n  User git\n# Host old\nMatch all\n"
    )
    let fleet = try SSHConfigHosts.read(file) { name, _ in
      SSHSettings(
        address: "10.0.0.9", port: 2222, user: name == "github.com" ? "git" : "op",
        jumps: name == "db2" ? ["bastion"] : [])
    }
    #expect(fleet.hosts.map(\.name).sorted() == ["2", "bastion", "db1", "db2", "web", "web1"])
    #expect(fleet.noteLines == ["github.com: is logged in to as git, and is no server of yours: left out"])
    let declared = try applied(fleet)
    #expect(declared.hosts.allSatisfy { $0.sshConfig?.file == file })
    #expect(throws: SSHConfigHosts.Unreadable.self) {
      try SSHConfigHosts.read(scratch.path + "/none", asking: SSHSettings.nobody)
    }
  }

  @Test func `certificates of acme.sh keep their names, files and reload command`() throws {
    let scratch = try ScratchFolder()
    func certificate(_ folder: String, _ domain: String, _ lines: String) throws {
      try Files.makeFolder(scratch.path + "/" + folder)
      try scratch.write(
        "\(folder)/\(domain).conf",
        "Le_Domain='\(domain)'\nLe_API='https://acme.zerossl.com/v2/DV90'\n" + lines)
    }
    try scratch.write("account.conf", "ACCOUNT_EMAIL='ops@example.com'\n")
    let reload = Data("systemctl reload nginx && echo \"done\"".utf8).base64EncodedString()
    try certificate(
      "shop.example.com_ecc", "shop.example.com",
      """
      Le_Alt='www.shop.example.com,*.shop.example.com'
      Le_Webroot='dns_cf'
      Le_Keylength='ec-384'
      Le_RealKeyPath='/etc/nginx/ssl/shop.key'
      Le_RealFullChainPath='/etc/nginx/certs/shop.pem'
      Le_ReloadCmd='__ACME_BASE64__START_\(reload)__ACME_BASE64__END_'

      """)
    try certificate(
      "plain.example.com", "plain.example.com",
      "Le_Alt='no'\nLe_Webroot='/var/www/html'\nLe_Keylength='2048'\n")
    try certificate(
      "odd.example.com", "odd.example.com",
      "Le_Alt='no'\nLe_Webroot='alpn'\nLe_RealCertPath='/etc/odd/cert.pem'\n")
    let fleet = ACMEShFolder.read(scratch.path, on: "ctl.example.com")
    let text = fleet.inventory(from: "a test")
    let declared = try applied(fleet)
    let shop = try #require(declared.lineages.first { $0.name == "shop.example.com" })
    #expect(shop.domains.count == 3 && shop.key.type == .ecdsaP384 && shop.issuer == "zerossl")
    #expect(shop.deployments[0].files[0].path == "/etc/nginx/certs/shop.pem")
    #expect(shop.deployments[0].files[0].keyPath == "/etc/nginx/ssl/shop.key")
    #expect(shop.deployments[0].hooks.deploy.count == 1)
    #expect(
      text.contains(#"systemctl reload nginx && echo \"done\""#) && text.contains("provider: \"cloudflare\""))
    #expect(text.contains("acme.sh --remove -d shop.example.com --ecc"))
    let plain = try #require(declared.lineages.first { $0.name == "plain.example.com" })
    #expect(
      plain.key.type == .rsa2048
        && plain.deployments[0].files[0].path.hasSuffix("/plain.example.com/fullchain.cer"))
    #expect(fleet.noteLines.contains { $0.contains("/etc/odd/cert.pem") })
    #expect(declared.hosts.map(\.connection) == [.local])
  }

  /// Host variables as real inventories have them, and groups.
  @Test(arguments: [
    // Vagrant
    (
      #""default": {"ansible_host": "127.0.0.1", "ansible_port": 2222, "ansible_user": "vagrant", "ansible_ssh_private_key_file": "/home/me/my vms/.vagrant/private_key"}"#,
      1
    ),
    // EC2's plugin
    (
      #""ip-10-0-0-7.eu-west-1.compute.internal": {"ansible_host": "10.0.0.7", "tags": {"Name": "web"}, "placement": {"region": "eu-west-1"}, "ansible_user": "ec2-user"}"#,
      1
    ),
    // IPv6, and a name that is one
    (#""2001:db8::7": {}, "six": {"ansible_host": "2001:db8::8", "ansible_port": "22"}"#, 2),
    // a chain of jump hosts with users and ports
    (
      #""db": {"ansible_ssh_common_args": "-J a@gw1.example.net:2201,gw2.example.net -o ServerAliveInterval=30"}"#,
      3
    ),
    // a jump host that is a host of the inventory, called by its address
    (
      #""bastion": {"ansible_host": "192.0.2.1"}, "web": {"ansible_ssh_extra_args": "-o ProxyJump=192.0.2.1"}"#,
      2
    ),
    // an ssh_config, and multiplexing
    (
      #""web": {"ansible_ssh_common_args": "-F /etc/ansible/ssh.cfg -o ControlMaster=auto -o ControlPersist=60s"}"#,
      1
    ),
    // a domain's user, and a vault
    (
      #""web": {"ansible_user": "CORP\\\\ops", "ansible_password": {"__ansible_vault": "$ANSIBLE_VAULT;1.1;AES256\n6162"}}"#,
      1
    ),
    // switches and Windows beside one Linux
    (
      #""sw": {"ansible_connection": "ansible.netcommon.network_cli", "ansible_network_os": "ios"}, "win": {"ansible_connection": "psrp"}, "lin": {"ansible_connection": "ssh"}"#,
      1
    ),
    // a port by a template, and become by a string
    (
      #""web": {"ansible_port": "{{ ssh_port }}", "ansible_become": "True", "ansible_become_user": "root"}"#,
      1
    ),
    // two names that are one here
    (#""web 1": {"ansible_host": "10.0.0.1"}, "web-1": {"ansible_host": "10.0.0.2"}"#, 1),
    // unicode
    (#""büro-server": {"ansible_host": "10.0.0.3"}, "サーバ": {"ansible_host": "10.0.0.4"}"#, 1),
  ])
  func `inventories of Ansible's from elsewhere apply`(hostvars: String, count: Int) throws {
    let fleet = try ansible(hostvars)
    #expect(try applied(fleet).hosts.count == count, "\(fleet.inventory(from: "a test"))")
  }

  @Test(arguments: [
    ("hostname,ip\nweb1,10.0.0.1\nweb2,10.0.0.2\n", 2),
    // a German spreadsheet
    ("Server;IP-Adresse;Standort;Benutzer\nweb1;10.0.0.1;Köln;root\nweb2;10.0.0.2;Bonn;root\n", 2),
    ("name\taddress\tlabels\nweb1\t10.0.0.1\trole=web env=prod\n", 1),
    ("Name,Status,Role,\"Primary IPv4\",FQDN2\n\"web1\",active,web,10.0.0.1/24,web1.example.net\n", 1),
    ("fqdn\nweb1.example.net\nweb2.example.net\nWEB2.example.net\n", 3),
    ("host,user,port\nroot@web1,,22\nweb2,deploy,\"22\"\nweb3,\"a \"\"b\"\"\",22\n", 3),
    ("ip,jump\n10.0.0.1,\"a,b\"\n10.0.0.2,b\n", 4),
  ])
  func `tables from elsewhere apply`(table: String, count: Int) throws {
    let fleet = try CSVInventory.read(Data(table.utf8))
    #expect(try applied(fleet).hosts.count == count, "\(fleet.inventory(from: "a test"))")
  }

  /// Whatever stands in somebody else's file stays text.
  @Test func `hostile words neither leave their place nor reach a terminal`() throws {
    let hostile = "x\", become: true } // \u{1B}[2J\u{2028}\n*/"
    let word = try #require(String(data: try JSONEncoder().encode(hostile), encoding: .utf8))
    let fleet = try ansible(
      #""web1": {"ansible_host": \#(word), "ansible_user": \#(word), "ansible_ssh_common_args": \#(word)}, \#(word): {}"#,
      #", \#(word): {"hosts": ["web1"]}"#)
    let text = fleet.inventory(from: hostile)
    #expect(!text.contains("\u{1B}") && !text.contains("\u{2028}"))
    #expect(!fleet.noteLines.joined().contains("\u{1B}"))
    let declared = try applied(fleet)
    #expect(declared.hosts.allSatisfy { $0.become == nil } && declared.hosts.contains { $0.name == "web1" })
  }
}
