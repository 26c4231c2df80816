import Foundation
import Testing
import ThrowawayFleet

private enum Package {
  static let tree = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path(percentEncoded: false)

  static let built: String? = {
    let folder = tree + "/.build/deb"
    return try? FileManager.default.contentsOfDirectory(atPath: folder).first { $0.hasSuffix(".deb") }
      .map { folder + "/" + $0 }
  }()
}

/// The Debian package that `make deb` has built, on a Debian where nothing else is.
@Suite(.enabled(if: Package.built != nil && BootedDebian.isPossible, "needs root, and the package: make deb"))
struct PackageTests {
  @Test func `lintian finds nothing to warn of`() async throws {
    let result = try await Program.run(
      try Program.find("lintian"),
      ["--allow-root", "--fail-on", "error,warning", try #require(Package.built)])
    #expect(result.status == 0 && result.everything.isEmpty, "\(result.everything)")
  }

  @Test func `make install puts in place what the package does`() async throws {
    let scratch = try ScratchFolder()
    try await Program.succeed(
      "/bin/sh",
      [
        "-c",
        "cd '\(Package.tree)' && make -o release install PREFIX=/usr DESTDIR='\(scratch.path)/made' >/dev/null",
      ])
    try await Program.succeed(
      "/usr/bin/dpkg-deb", ["-x", try #require(Package.built), scratch.path + "/package"])
    func files(_ folder: String) async throws -> [String] {
      try await Program.succeed("/bin/sh", ["-c", "cd '\(folder)' && find . -type f | sort"]).split(
        separator: "\n"
      )
      .map {
        String($0.dropFirst()).replacing("/usr/lib/systemd", with: "/lib/systemd").replacing(
          /\.gz$/, with: "")
      }
      .filter { !$0.hasPrefix("/usr/share/doc") && !$0.hasPrefix("/etc") }
      .sorted()
    }
    let (made, packed) = (try await files(scratch.path + "/made"), try await files(scratch.path + "/package"))
    #expect(made == packed)
    try await Program.succeed(
      "/bin/sh",
      ["-c", "cd '\(Package.tree)' && make uninstall PREFIX=/usr DESTDIR='\(scratch.path)/made' >/dev/null"])
    #expect(try await files(scratch.path + "/made") == [])
  }

  @Test func `the archive has the same files`() async throws {
    let scratch = try ScratchFolder()
    try await Program.succeed(
      "/bin/sh",
      [
        "-c",
        "cp -r '\(Package.tree)/Agents' '\(Package.tree)/inventory' '\(Package.tree)/Makefile' '\(scratch.path)' && mkdir -p '\(scratch.path)/.build/release' && cp '\(Package.tree)/.build/release/certfleet' '\(scratch.path)/.build/release' && cd '\(scratch.path)' && make -o release tarball >/dev/null",
      ])
    let listed = try await Program.succeed(
      "/bin/sh", ["-c", "tar -tvzf '\(scratch.path)'/.build/certfleet-*.tar.gz"])
    for file in [
      "./usr/local/bin/certfleet", "./usr/local/share/man/man5/certfleet-inventory.5",
      "./usr/local/lib/systemd/system/certfleet.service", "./usr/local/lib/sysusers.d/certfleet.conf",
    ] { #expect(listed.contains(" \(file)\n"), "\(file)") }
    #expect(listed.split(separator: "\n").allSatisfy { $0.contains("root/root") }, "\(listed)")
  }

  /// The same one, as if it were older.
  private func earlier(in scratch: ScratchFolder) async throws -> String {
    let folder = scratch.path + "/earlier"
    try await Program.succeed("/usr/bin/dpkg-deb", ["-R", try #require(Package.built), folder])
    let control = Files.read(folder + "/DEBIAN/control").replacing(
      /(?m)^Version: .*$/, with: "Version: 0.0.1")
    try Files.write(folder + "/DEBIAN/control", control)
    let made = scratch.path + "/earlier.deb"
    try await Program.succeed("/usr/bin/dpkg-deb", ["-b", "--root-owner-group", folder, made])
    return made
  }

  @Test func `from nothing to three hosts that a timer looks after, upgraded, removed and purged`()
    async throws
  {
    let scratch = try ScratchFolder()
    var temper = PebbleCA.Temper(authorizationReuse: 0)
    temper.challengePort = 80
    let fleet = try await LoopbackFleet(
      in: scratch.path + "/fleet", on: .random(), hosts: 3,
      certificates: [("one.example", "one.example"), ("two.example", "two.example")], authority: temper)
    let debian = try await BootedDebian(in: scratch.path + "/debian")
    let earlier = try await earlier(in: scratch)
    for (file, name) in [(earlier, "earlier.deb"), (try #require(Package.built), "certfleet.deb")] {
      try await Program.succeed("/bin/cp", [file, debian.root + "/root/" + name])
    }

    // What a person types.
    try await debian.succeed("apt-get update -q && apt-get install -q -y ./earlier.deb")
    try await debian.succeed(
      "runuser -u certfleet -- ssh-keygen -q -t ed25519 -N '' -f /var/lib/certfleet/.ssh/id_ed25519")
    for host in fleet.hosts {
      try await Program.succeed(
        "/bin/sh",
        [
          "-c",
          "cat '\(debian.root)/var/lib/certfleet/.ssh/id_ed25519.pub' >>'\(host.home)/sshd/authorized_keys'",
        ])
    }
    try declare(["one.example"], fleet, debian)
    // Whatever has taken the folder away: what root does makes it the user's again.
    try await debian.succeed(
      "mv /var/lib/certfleet /root/state && certfleet apply /etc/certfleet && stat -c %U /var/lib/certfleet/certfleet.db | grep certfleet && rm -r /var/lib/certfleet && mv /root/state /var/lib/certfleet"
    )
    let known = try await debian.run("certfleet apply /etc/certfleet")
    #expect(known.status == 0, "\(known.everything)")
    for host in fleet.hosts {
      try await debian.succeed(
        "certfleet host pin \(host.name) --fingerprint \(try await host.ssh.fingerprint())")
    }
    #expect(
      try await debian.succeed("stat -c '%U %a' /etc/certfleet/fleet.json5.example") == "certfleet 644\n")
    // Whoever has stopped the timer is told.
    try await debian.succeed("systemctl disable --now certfleet.timer")
    let stopped = try await debian.run("certfleet doctor")
    #expect(
      stopped.stdout.contains("✗ certfleet.timer is installed and stopped; no run has ever ended")
        && stopped.stdout.contains("\n    systemctl enable --now certfleet.timer\n"), "\(stopped.everything)")
    try await debian.succeed("systemctl enable --now certfleet.timer")
    try await debian.succeed("certfleet run")
    #expect(fleet.hosts.allSatisfy { Self.generation($0, "one.example") == 1 })
    let report = try await debian.succeed("certfleet report")
    #expect(report.contains("everything is as it should be"), "\(report)")

    // The timer is there, and does it by itself: another certificate, with port 80, in all that the service is kept from.
    #expect(
      try await debian.succeed("systemctl is-enabled certfleet.timer && systemctl is-active certfleet.timer")
        == "enabled\nactive\n")
    try declare(["one.example", "two.example"], fleet, debian)
    try await debian.succeed("certfleet apply /etc/certfleet")
    try Files.write(
      debian.root + "/etc/systemd/system/certfleet.timer.d/soon.conf",
      "[Timer]\nOnCalendar=*:*:0/2\nRandomizedDelaySec=0\nAccuracySec=100ms\n")
    try await debian.succeed("systemctl daemon-reload && systemctl restart certfleet.timer")
    do {
      try await eventually("the timer's service has rolled out") {
        fleet.hosts.allSatisfy { Self.generation($0, "two.example") == 1 }
      }
    } catch { Issue.record("\(error): \(try await debian.run("journalctl --no-pager -n 60").stdout)") }
    try await debian.succeed(
      "rm -r /etc/systemd/system/certfleet.timer.d && systemctl daemon-reload && systemctl restart certfleet.timer"
    )
    try await eventually("the service has ended well") {
      let state = try await debian.succeed("systemctl show -p ActiveState -p Result certfleet.service")
      return state.contains("ActiveState=inactive") && state.contains("Result=success")
    }
    #expect(try await debian.succeed("journalctl -u certfleet --no-pager").contains("two.example"))
    // A run that is killed has told nobody: the notifiers hear of it. One that ends with 1 has told itself.
    try Files.write(
      debian.root + "/etc/systemd/system/certfleet.service.d/killed.conf",
      "[Service]\nExecStart=\nExecStart=/bin/sh -c 'test -e /var/lib/certfleet/ends && exit 1; kill -KILL $$$$'\n"
    )
    try await debian.succeed("systemctl daemon-reload && ! systemctl start certfleet.service")
    try await eventually("the notifier was told") {
      try await debian.run("cat /var/lib/certfleet/told").stdout.contains(
        "needs a person: a run failed (signal KILL): journalctl -u certfleet")
    }
    try await debian.succeed(
      "cd /var/lib/certfleet && rm told && touch ends && ! systemctl start certfleet.service; sleep 1; test ! -e told && rm ends"
    )
    try await debian.succeed(
      "rm -r /etc/systemd/system/certfleet.service.d && systemctl daemon-reload && systemctl reset-failed")
    // With the drop-in for mail the set-group-ID bit of postfix's sendmail counts.
    try await debian.succeed(
      "mkdir -p /etc/systemd/system/certfleet.service.d && cp /usr/share/doc/certfleet/examples/mail.conf /etc/systemd/system/certfleet.service.d && printf '[Service]\\nExecStart=\\nExecStart=/bin/cp /proc/self/status /var/lib/certfleet/allowed\\n' >/etc/systemd/system/certfleet.service.d/shown.conf && systemctl daemon-reload && systemctl start certfleet.service && rm -r /etc/systemd/system/certfleet.service.d && systemctl daemon-reload"
    )
    #expect(
      try await debian.succeed("grep NoNewPrivs /var/lib/certfleet/allowed && rm /var/lib/certfleet/allowed")
        == "NoNewPrivs:\t0\n")
    let exposure = try await debian.succeed(
      "systemd-analyze security --no-pager certfleet.service | tail -n 1")
    let figure = try #require(exposure.firstMatch(of: #/: ([0-9.]+) /#).flatMap { Double($0.output.1) })
    #expect(figure <= 2, "\(exposure)")

    // The sealing key leaves the disk: the service has it of systemd, and root of systemd-creds.
    try await debian.succeed(
      "mkdir -p -m 700 /etc/credstore.encrypted && systemd-creds encrypt --with-key=host --name=certfleet.sealing.key /var/lib/certfleet/sealing.key /etc/credstore.encrypted/certfleet.sealing.key && mv /var/lib/certfleet/sealing.key /root/sealing.key"
    )
    #expect(try await debian.succeed("certfleet report").contains("everything is as it should be"))
    try await debian.succeed("certfleet cert renew one.example && systemctl start certfleet.service")
    #expect(fleet.hosts.allSatisfy { Self.generation($0, "one.example") == 2 })
    let bare = try await debian.run("runuser -u certfleet -- certfleet report")
    #expect(
      bare.status == 65 && bare.stderr.contains("sealing.key is missing")
        && bare.stderr.contains("/etc/credstore.encrypted/certfleet.sealing.key, for the service and root"),
      "\(bare.everything)")
    try await debian.succeed("certfleet backup --with-key /var/lib/certfleet/whole")
    try await debian.succeed(
      "rm /etc/credstore.encrypted/certfleet.sealing.key && certfleet restore --yes /var/lib/certfleet/whole")
    try await debian.succeed("cmp /root/sealing.key /var/lib/certfleet/sealing.key && certfleet run")

    // Whoever needs what only root may read makes the state root's, and that lasts through an upgrade.
    try await debian.succeed(
      "systemctl stop certfleet.timer && chown -R root: /var/lib/certfleet && mkdir -p /etc/systemd/system/certfleet.service.d && printf '[Service]\\nUser=root\\nGroup=root\\n' >/etc/systemd/system/certfleet.service.d/root.conf && systemctl daemon-reload && systemctl start certfleet.service && systemd-tmpfiles --create certfleet.conf"
    )
    #expect(
      try await debian.succeed("certfleet report && stat -c %U /var/lib/certfleet").hasSuffix("\nroot\n"))
    try await debian.succeed(
      "rm -r /etc/systemd/system/certfleet.service.d && chown -R certfleet: /var/lib/certfleet && systemctl daemon-reload && systemctl start certfleet.timer"
    )

    // Manual pages are where man(1) looks, and nothing is anybody's but the user's own.
    #expect(try await debian.succeed("ls /usr/share/man/man1 | grep -c certfleet") != "0\n")
    #expect(
      try await debian.succeed("stat -c '%U %a' /var/lib/certfleet /etc/certfleet")
        == "certfleet 700\ncertfleet 750\n")
    #expect(try await debian.succeed("find /var/lib/certfleet ! -user certfleet") == "")

    // A newer one takes its place; the state is as it was.
    try await debian.succeed("apt-get install -q -y ./certfleet.deb")
    let upgraded = try await debian.succeed("dpkg-query -W -f '${Version}' certfleet; certfleet report")
    #expect(!upgraded.hasPrefix("0.0.1") && upgraded.contains("everything is as it should be"), "\(upgraded)")
    #expect(try await debian.succeed("systemctl is-active certfleet.timer") == "active\n")

    // One that stays takes the timer's place: it begins anew where it is killed, and ends well when it is stopped.
    let before = try #require(Self.generation(fleet.hosts[0], "one.example"))
    try await debian.succeed(
      "certfleet cert renew one.example && systemctl enable --now certfleet-serve.service && ! systemctl is-active certfleet.timer"
    )
    func serves(_ what: String) async throws {
      do {
        try await eventually(what) {
          fleet.hosts.allSatisfy { (Self.generation($0, "one.example") ?? 0) > before }
        }
      } catch { Issue.record("\(error): \(try await debian.run("journalctl --no-pager -n 60").stdout)") }
    }
    try await serves("the one that serves has rolled out")
    try await debian.succeed("systemctl kill -s KILL certfleet-serve.service")
    try await eventually("it has begun anew") {
      try await debian.run("systemctl show -p NRestarts -p ActiveState certfleet-serve.service").stdout
        .contains("NRestarts=1\nActiveState=active")
    }
    try await debian.succeed("systemctl disable --now certfleet-serve.service")
    #expect(
      try await debian.succeed("systemctl show -p Result certfleet-serve.service") == "Result=success\n")
    try await debian.succeed("systemctl start certfleet.timer")

    // Removed, the keys stay; purged, they go, and the inventory is the administrator's.
    try await debian.succeed(
      "apt-get remove -q -y certfleet && test -s /var/lib/certfleet/certfleet.db && ! command -v certfleet")
    try await debian.succeed(
      "apt-get purge -q -y certfleet && ! test -e /var/lib/certfleet && test -e /etc/certfleet/fleet.json5 && ! test -e /etc/certfleet/fleet.json5.example"
    )
    #expect(try await debian.run("systemctl is-active certfleet.timer").stdout == "inactive\n")
    await debian.stop()
    await fleet.stop()
  }

  private static func generation(_ host: LoopbackFleet.ThrowawayHost, _ name: String) -> Int? {
    let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(host.base)/live/\(name)")
    return target.flatMap { $0.split(separator: "/").last.flatMap { Int($0) } }
  }

  private func declare(_ names: [String], _ fleet: LoopbackFleet, _ debian: BootedDebian) throws {
    try FileManager.default.createDirectory(
      atPath: debian.root + "/etc/certfleet", withIntermediateDirectories: true)
    let certificates = names.map { name in
      """
      { name: '\(name)', domains: ['\(name)'], issuer: 'pebble',
        challenge: {type: 'http-01', listen: '\(fleet.network.controller):80'},
        deploy: [{ to: '*', verify: [{tls: 8443}], hooks: { deploy: ["\(LoopbackFleet.reload.replacing("\"", with: "\\\""))"] } }] }
      """
    }
    let file = debian.root + "/etc/certfleet/fleet.json5"
    try Files.write(
      file,
      """
      { notify: [{command: 'cat >>/var/lib/certfleet/told'}], defaults: {user: 'root', port: 2222, base: '~/certs'},
        hosts: [\(fleet.hosts.map { "{name: '\($0.name)', address: '\($0.address)'}" }.joined(separator: ", "))],
        issuers: [{name: 'pebble', directory: '\(fleet.authority.directory)', agree_to_terms: true, ca_file: 'pebble.pem'}],
        certificates: [\(certificates.joined(separator: ", "))] }
      """)
    try Files.write(debian.root + "/etc/certfleet/pebble.pem", Files.read(fleet.authority.caFile))
    for name in [file, debian.root + "/etc/certfleet/pebble.pem"] { chmod(name, 0o644) }
  }
}
