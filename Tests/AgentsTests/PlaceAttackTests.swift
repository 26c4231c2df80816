import Agents
import Fleet
import Foundation
import Testing
import ThrowawayFleet

/// Somebody else on the host tries to have root write, follow or run what is theirs. Each attacker is a real user.
@Suite(.serialized, .enabled(if: geteuid() == 0, "needs root, to be attacked by another user"))
struct PlaceAttackTests {
  private let daemon = Attacker.daemon

  /// Where another service's key lies that the attacker is after.
  private func victim(_ scene: AgentScene) throws -> String {
    let folder = try scene.folder("victim")
    chmod(folder, 0o700)
    try Files.write(folder + "/x.pem", "another service's\n")
    return folder
  }

  @Test(arguments: Shell.all)
  func `a folder that is shared is not exchanged for another by a link on the way`(shell: Shell) async throws
  {
    let scene = try AgentScene.withOthers(shell)
    let (victim, app) = (try victim(scene), try scene.folder("app", of: daemon))
    try await daemon.run("ln -s ../victim app/certs; ln -s ../../victim app/deep; mkdir app/own", in: scene)
    for (path, reason) in [
      ("app/certs/x.pem", "there is a link on the way from there to"),
      ("app/own/../certs/x.pem", "there is a link on the way"),
    ] {
      let said = try await scene.visit(1, scene.place(scene.scratch.path + "/" + path, .shared))
      #expect(said.contains(reason), "\(said)")
    }
    #expect(Files.read(victim + "/x.pem") == "another service's\n" && scene.owner(of: victim + "/x.pem") == 0)
    // A folder of root's in one of theirs could be another one of root's tomorrow.
    try Files.makeFolder(app + "/roots")
    let said = try await scene.visit(1, scene.place(app + "/roots/x.pem", .shared))
    #expect(
      said.contains("\(app) belongs to daemon") && said.contains("could be exchanged at any moment"),
      "\(said)")
    #expect(scene.live == nil)
  }

  @Test(arguments: Shell.all)
  func `in a folder of theirs the agent acts as them, and their file is theirs`(shell: Shell) async throws {
    let scene = try AgentScene.withOthers(shell)
    let folder = try scene.folder("own 'folder'", of: daemon)
    // As an earlier release left it.
    try Files.write(folder + "/x.pem", "before\n")
    let deploy = "cat \"$HOME/own 'folder'/x.pem\" >>~/seen; [ $CERTFLEET_ACTION = rollback ]"
    let back = try await scene.visit(
      1, hooks: Hooks(deploy: [Hook(command: deploy)]),
      scene.place(folder + "/x.pem", .shared, parts: ["cert.pem"]), scene.place(folder + "/y.pem", .shared))
    #expect(back.hasPrefix("rolled_back"), "\(back)")
    #expect(Files.read(scene.scratch.path + "/seen") == "cert.pem 1\nbefore\n")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["x.pem"])
    #expect(
      try await scene.visit(
        1, scene.place(folder + "/x.pem", .shared, parts: ["cert.pem", "privkey.pem"]),
        scene.place(folder + "/y.pem", .shared, group: "daemon", mode: "0640")) == "ok")
    #expect(Files.read(folder + "/x.pem") == "cert.pem 1\nprivkey.pem 1\n")
    #expect(["x.pem", "y.pem"].allSatisfy { scene.owner(of: "\(folder)/\($0)") == daemon.uid })
    #expect(scene.mode(of: folder + "/x.pem") == 0o600 && scene.mode(of: folder + "/y.pem") == 0o640)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["x.pem", "y.pem"])
    let other = try await scene.visit(2, scene.place(folder + "/x.pem", .shared, owner: "games"))
    #expect(
      other.contains("belongs to the user 1, as whom files are put there, and none can be games's"),
      "\(other)")
    let group = try await scene.visit(2, scene.place(folder + "/x.pem", .shared, group: "www-data"))
    #expect(group.contains("daemon cannot give a file in \(folder) that owner or group"), "\(group)")
    #expect(scene.live == "1" && Files.read(folder + "/x.pem") == "cert.pem 1\nprivkey.pem 1\n")
  }

  @Test(arguments: Shell.all)
  func `a link is followed only where nobody else can turn it, and never where others may write`(shell: Shell)
    async throws
  {
    let scene = try AgentScene.withOthers(shell)
    let (victim, ours) = (try victim(scene), try scene.folder("ours"))
    let theirs = try scene.folder("theirs", of: daemon)
    symlink(victim + "/x.pem", theirs + "/x.pem")
    let both = try await scene.visit(1, scene.place(theirs + "/x.pem", .shared, .symlink))
    #expect(both.hasPrefix("failed_clean") && both.contains("x.pem is a symbolic link"), "\(both)")
    // Root's link, but the attacker's hand: in a folder where everybody may put things.
    let sticky = try scene.folder("sticky")
    chmod(sticky, 0o1777)
    symlink(victim, sticky + "/certs")
    let provided = try await scene.visit(1, scene.place(sticky + "/certs/x.pem"))
    #expect(
      provided.contains("\(sticky)/certs is a link in a folder where everybody may put one"), "\(provided)")
    // His own link in a folder of root's.
    symlink(victim, ours + "/certs")
    lchown(ours + "/certs", daemon.uid, daemon.gid)
    let turned = try await scene.visit(1, scene.place(ours + "/certs/x.pem"))
    #expect(
      turned.contains("certs is a link of daemon's, who could turn it; mend it: chown -h root"), "\(turned)")
    symlink("certs/x.pem", ours + "/file.pem")
    let chain = try await scene.visit(1, scene.place(ours + "/file.pem", .symlink))
    #expect(chain.contains("certs is a link of daemon's"), "\(chain)")
    symlink(ours + "/loop", ours + "/loop")
    let loop = try await scene.visit(1, scene.place(ours + "/loop", .symlink))
    #expect(loop.contains("symbolic link"), "\(loop)")
    let place = try await scene.visit(1, scene.place(sticky + "/x.pem"))
    #expect(place.contains("is a folder where everybody may put things (drwxrwxrwt "), "\(place)")
    #expect(Files.read(victim + "/x.pem") == "another service's\n" && scene.live == nil)
    // What root has made himself still leads there, whosever the file is.
    lchown(ours + "/certs", 0, 0)
    chown(victim + "/x.pem", daemon.uid, daemon.gid)
    #expect(try await scene.visit(1, scene.place(ours + "/file.pem", .symlink)) == "ok")
    #expect(Files.read(victim + "/x.pem") == "privkey.pem 1\n")
  }

  @Test(arguments: Shell.all)
  func `a link that leads by another to where everybody may put things is not followed`(shell: Shell)
    async throws
  {
    let scene = try AgentScene.withOthers(shell)
    let (ours, sticky, victim) = (try scene.folder("ours"), try scene.folder("x/c"), try victim(scene))
    chmod(scene.scratch.path + "/x", 0o755)
    chmod(sticky, 0o1777)
    symlink("x", scene.scratch.path + "/b")
    symlink(scene.scratch.path + "/b/c/x.pem", ours + "/a.pem")
    try Files.write(sticky + "/x.pem", "before\n")
    try await daemon.run(
      "mkdir x/c/.certfleet-staging x/c/.certfleet-staging/old; ln -s '\(victim)' x/c/.certfleet-staging/new",
      in: scene)
    let said = try await scene.visit(1, scene.place(ours + "/a.pem", .symlink))
    #expect(said.contains("\(sticky) is a folder where everybody may put things"), "\(said)")
    #expect(Files.read(victim + "/x.pem") == "another service's\n" && scene.live == nil)
  }

  @Test(arguments: Shell.all)
  func `where a link leads is no line of a listing`(shell: Shell) async throws {
    let scene = try AgentScene.withOthers(shell)
    let evil = try scene.folder("evil", of: daemon)
    let key = scene.base + "/archive/x/-/privkey.pem"
    for forged in ["-rw-r----- 1 0 1 7 Jan 1 00:00 \(key)", "drwxr-xr-x 2 0 0 7 Jan 1 00:00 \(evil)"] {
      unlink(evil + "/tls")
      #expect(symlink("real\n\(forged)", evil + "/tls") == 0)
      lchown(evil + "/tls", daemon.uid, daemon.gid)
      let said = try await scene.visit(
        1, scene.place(evil + "/tls/y.pem", .shared), scene.place(evil + "/x.pem", .shared))
      #expect(said.hasPrefix("failed_clean") && said.contains("cannot be looked at"), "\(said)")
      #expect(scene.live == nil)
    }
  }

  @Test(arguments: Shell.all)
  func `a visit that was cut off is undone in a shared folder, too, and as its owner`(shell: Shell)
    async throws
  {
    let scene = try AgentScene.withOthers(shell)
    let (folder, roots) = (try scene.folder("own", of: daemon), try scene.folder("roots"))
    try Files.write(roots + "/secret", "root's\n")
    chmod(roots, 0o700)
    try Files.write(folder + "/x.pem", "before\n")
    daemon.owns(folder + "/x.pem")
    let hook = Hook(
      command: "[ $CERTFLEET_ACTION = rollback ] || { : >~/mark; while [ -e ~/hold ]; do sleep 1; done; }")
    let request = scene.request(
      generation: 1, hooks: Hooks(deploy: [hook]), token: "cut",
      destinations: [scene.place(folder + "/x.pem", .shared)])
    try scene.scratch.write("hold", "")
    let agent = try scene.start(request)
    try await eventually("the hook runs") { scene.exists(scene.scratch.path + "/mark") }
    agent.signal(SIGKILL)
    _ = await agent.ended()
    #expect(Files.read(folder + "/x.pem") == "privkey.pem 1\n")
    unlink(scene.scratch.path + "/hold")
    try await daemon.run(
      "mkdir own/.certfleet-staging; ln -s ../../roots own/.certfleet-staging/old", in: scene)
    let query = AgentRequest.query(
      "cut", nonce: "n0nce", host: Host(name: "web1", address: "a", base: scene.base), patience: .seconds(20))
    let replies = try await scene.replies(bytes: query)
    guard case .end(.rolledBack, _) = replies.end else { throw Program.Failed("\(replies)") }
    #expect(Files.read(folder + "/x.pem") == "before\n" && scene.live == nil)
    #expect(Files.read(roots + "/secret") == "root's\n")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == [".certfleet-staging", "x.pem"])
  }

  @Test(arguments: Shell.all)
  func `who has no name on the host acts with the group of their own folder`(shell: Shell) async throws {
    let scene = try AgentScene.withOthers(shell)
    let (one, two) = (try scene.folder("one"), try scene.folder("two"))
    chown(one, 54321, 54321)
    chown(two, 54322, 42)
    let said = try await scene.visit(
      1, scene.place(one + "/x.pem", .shared), scene.place(two + "/x.pem", .shared))
    #expect(said == "ok")
    var facts = stat()
    #expect(lstat(one + "/x.pem", &facts) == 0 && facts.st_uid == 54321 && facts.st_gid == 54321)
    #expect(lstat(two + "/x.pem", &facts) == 0 && facts.st_uid == 54322 && facts.st_gid == 42)
  }

  @Test(arguments: Shell.all)
  func `an access list counts as others`(shell: Shell) async throws {
    let scene = try AgentScene.withOthers(shell)
    let folder = try scene.folder("tls")
    for entry in ["u:daemon:rwx", "g:daemon:rwx"] {
      for path in [scene.base, folder] {
        try await scene.acl(entry, path)
        let said = try await scene.visit(1, scene.place(folder + "/x.pem"))
        #expect(
          said.contains("\(path) can be written by others by its access list")
            && said.contains("mend it: setfacl -b \(path)"), "\(said)")
        try await Program.succeed(try Program.find("setfacl"), ["-b", path])
      }
    }
    #expect(!scene.exists(scene.base + "/live"))
    // Root's, to read, or beyond its mask: nobody gets anything by these.
    for entry in ["u:root:rwx", "u:daemon:r-x", "u:daemon:rwx,m::r-x"] { try await scene.acl(entry, folder) }
    #expect(try await scene.visit(1, scene.place(folder + "/x.pem")) == "ok")
  }

  @Test(arguments: Shell.all)
  func `an access list for what is made in a folder gives nobody a key`(shell: Shell) async throws {
    let scene = try AgentScene.withOthers(shell)
    let folder = try scene.folder("tls")
    for path in [scene.base, folder] { try await scene.acl("d:u:daemon:rwx,d:o::r-x", path) }
    let look = "cat base/live/x/privkey.pem base/archive/x/*/privkey.pem tls/x.pem tls/.certfleet-staging/*/*"
    let seen = scene.scratch.path + "/seen"
    try Files.write(seen, "")
    chmod(seen, 0o666)
    try await daemon.repeating("\(look) >>seen 2>/dev/null", in: scene) {
      for generation in 1...3 {
        let said = try await scene.visit(generation, scene.place(folder + "/x.pem"))
        #expect(said == "ok")
      }
    }
    #expect(!Files.read(seen).contains("privkey"))
    let key = scene.base + "/archive/x/3/privkey.pem"
    #expect(scene.mode(of: key) == 0o600 && scene.mode(of: scene.base + "/archive/x/3") == 0o755)
  }

  @Test(arguments: Shell.all)
  func `folders of the base that somebody else has made are not used`(shell: Shell) async throws {
    let scene = try AgentScene.withOthers(shell)
    func refused(_ path: String, _ why: String) async throws {
      let said = try await scene.visit()
      #expect(said.contains("\(path) \(why)"), "\(said)")
      #expect(scene.live == nil)
    }
    for name in ["live", "archive"] {
      let path = try scene.folder("base/\(name)", of: daemon)
      try await refused(
        path, "belongs to daemon (drwxr-xr-x daemon daemon), who could put something else there")
      try FileManager.default.removeItem(atPath: path)
    }
    _ = try scene.folder("base/archive")
    let lineage = try scene.folder("base/archive/x", of: daemon)
    try await daemon.run("mkdir base/archive/x/1; : >base/archive/x/1/privkey.pem", in: scene)
    chmod(lineage + "/1/privkey.pem", 0o666)
    try await refused(lineage, "belongs to daemon")
    // Given back to root, and what he made in it is his still.
    chown(lineage, 0, 0)
    try await refused(lineage + "/1", "belongs to daemon")
    try FileManager.default.removeItem(atPath: scene.base + "/archive")
    chmod(scene.base, 0o1777)
    try await refused(scene.base, "is a folder where everybody may put things")
    chmod(scene.base, 0o755)
    chown(scene.base, 0, daemon.gid)
    chmod(scene.base, 0o775)
    try await refused(
      scene.base, "can be written by the group daemon (drwxrwxr-x root daemon); mend it: chmod g-w")
    chown(scene.base, 0, 0)
    #expect(try await scene.visit() == "ok")
    // One that is active and that somebody else owns.
    chown(scene.base + "/archive/x/1", daemon.uid, daemon.gid)
    let active = try await scene.visit(2)
    #expect(active.contains("archive/x/1 belongs to somebody else; mend it: chown -R root"), "\(active)")
  }

  @Test(arguments: Shell.all)
  func `a base is looked at as it is written before anything is made there`(shell: Shell) async throws {
    let scene = try AgentScene.withOthers(shell)
    let (own, real) = (try scene.folder("own", of: daemon), try scene.folder("real"))
    symlink(real, own + "/certs")
    lchown(own + "/certs", daemon.uid, daemon.gid)
    func visit(_ base: String) async throws -> [AgentReply] {
      let text = String(decoding: scene.request(generation: 1).bytes(now: Date()), as: UTF8.self)
      return try await scene.replies(
        bytes: Array(text.replacing("\nbase :\(scene.base)\n", with: "\nbase :\(base)\n").utf8))
    }
    for base in [own + "/certs", own + "/certs/deeper", own + "/new"] {
      let said = "\(try await visit(base))"
      #expect(said.contains("\(own) belongs to daemon"), "\(said)")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: real).isEmpty)
    #expect(!scene.exists(own + "/new"))
    // A link of root's in folders of root's leads there.
    let ours = try scene.folder("ours")
    symlink("../real", ours + "/certs")
    #expect(try await visit(ours + "/certs/deeper").end == .end(.ok, text: ""))
    #expect(scene.exists(real + "/deeper/live/x/privkey.pem"))
  }

  /// He makes the base when it was looked for and before it is made, where everybody may put things: an `ls` does it that ends so.
  @Test(arguments: Shell.all)
  func `a base that somebody makes after the look is not worked in`(shell: Shell) async throws {
    let scene = try AgentScene.withOthers(shell)
    let sticky = try scene.folder("sticky")
    chmod(sticky, 0o1777)
    symlink("sticky/behind", scene.scratch.path + "/link")
    for (base, made) in [
      (sticky + "/base", sticky + "/base"), (scene.scratch.path + "/link", sticky + "/behind"),
    ] {
      try await Files.writeProgram(
        scene.scratch.path + "/bin/ls",
        """
        #!/bin/sh
        /bin/ls "$@"
        status=$?
        setpriv --reuid=\(daemon.uid) --regid=\(daemon.gid) --clear-groups -- mkdir '\(made)' 2>/dev/null
        exit $status

        """)
      let text = String(decoding: scene.request(generation: 1).bytes(now: Date()), as: UTF8.self)
      let replies = try await scene.replies(
        bytes: Array(text.replacing("\nbase :\(scene.base)\n", with: "\nbase :\(base)\n").utf8),
        path: scene.scratch.path + "/bin:/usr/sbin:/usr/bin:/sbin:/bin")
      #expect("\(replies)".contains("\(made) belongs to daemon"), "\(replies)")
      #expect(!scene.exists(made + "/live"))
    }
  }

  @Test(arguments: Shell.all)
  func `Debian's own folders are good places`(shell: Shell) async throws {
    let scene = try AgentScene.withOthers(shell)
    // Each as its package makes it; /etc/ssl/private is root:ssl-cert 0710.
    let folders = [
      "/etc/letsencrypt/live/x", "/etc/letsencrypt/renewal-hooks/deploy", "/etc/haproxy", "/etc/postfix",
      "/etc/dovecot/private", "/etc/nginx", "/etc/apache2", "/etc/ssl/private", "/etc/ssl/certs",
      "/var/www/html",
      "/var/lib/certfleet", "/usr/local/bin", "/usr/local/lib/certfleet", "/etc/sudoers.d", "/root",
      "/run/haproxy.pem",
    ]
    let words = folders.joined(separator: " ")
    let script =
      AgentScript.text + """

        set -f
        survey \(words)
        for place in \(words); do
          ! flaw_of "$place" || { explain ''; put "$why$newline"; }
        done

        """
    let said = try await shell.run(Array(script.utf8), home: scene.scratch.path)
    #expect(said.stdout.isEmpty && said.stderr.isEmpty, "\(said.everything)")
  }

  @Test(.timeLimit(.minutes(2)))
  func `a folder that is exchanged at every moment never gets another service's key replaced`() async throws {
    let scene = try AgentScene.withOthers(Shell.all[0])
    let (victim, app) = (try victim(scene), try scene.folder("app", of: daemon))
    let swap = """
      mkdir -p app/certs; mv -T app/certs app/aside 2>/dev/null; ln -sT ../victim app/certs; rm -f app/certs
      mv -T app/aside app/certs; ln -sT ../victim app/certs/.certfleet-staging 2>/dev/null
      """
    var ends: [String: Int] = [:]
    try await daemon.repeating(swap, in: scene) {
      let end = ContinuousClock.now + .seconds(12)
      var generation = 1
      while ContinuousClock.now < end {
        let said = try await scene.visit(generation, scene.place(app + "/certs/x.pem", .shared))
        if said == "ok" { generation += 1 }
        ends[String(said.prefix { $0 != ";" }), default: 0] += 1
      }
    }
    print("exchanged folder: \(ends)")
    #expect(Files.read(victim + "/x.pem") == "another service's\n" && scene.owner(of: victim + "/x.pem") == 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: victim) == ["x.pem"])
    #expect(
      ends.keys.allSatisfy { ["ok", "failed_clean", "failed_dirty", "rolled_back"].contains($0) }, "\(ends)")
  }

  @Test(.timeLimit(.minutes(2)))
  func `the agent's own folder is not exchanged between a look and its use`() async throws {
    let scene = try AgentScene.withOthers(Shell.all[0])
    #expect(try await scene.visit() == "ok")
    try await scene.acl("u:daemon:rwx", scene.base)
    let mine = try scene.folder("mine", of: daemon)
    let swap = """
      mv -T base/.certfleet base/.aside 2>/dev/null; mkdir -p base/.certfleet; ls base/.certfleet >>mine/seen
      rm -rf base/.certfleet; mv -T base/.aside base/.certfleet 2>/dev/null
      """
    try await daemon.repeating(swap, in: scene) {
      let end = ContinuousClock.now + .seconds(10)
      while ContinuousClock.now < end {
        let said = try await scene.visit(2)
        #expect(said.contains("can be written by others by its access list"), "\(said)")
      }
    }
    #expect(!Files.read(mine + "/seen").contains("journal") && scene.live == "1")
  }

  @Test(.timeLimit(.minutes(2)))
  func `whoever reads a file in a shared folder on another file system finds all of it`() async throws {
    let scene = try AgentScene.withOthers(Shell.all[0])
    let shared = try scene.folder("shared")
    try await Mounted.tmpfs(at: shared, "size=64m") {
      chmod(shared, 0o777)
      let large = AgentRequest.File(
        lineage: "x", name: "store.p12", mode: "0600", content: Array(repeating: 65, count: 400_000))
      let reading = #"""
        perl -e 'for (1 .. 20000) { next unless open my $f, "<", "shared/x"; local $/; my $t = <$f>;
          if (length $t != 400000) { open my $s, ">>", "shared/short"; print $s "short\n" } }'
        """#
      try await daemon.repeating(reading, in: scene) {
        for generation in 1...6 {
          let replies = try await scene.replies(
            scene.request(
              generation: generation, more: [large],
              destinations: [scene.place(shared + "/x", .shared, parts: ["store.p12"], mode: "0644")]))
          #expect(replies.end == .end(.ok, text: ""), "\(replies.steps)")
        }
      }
      #expect(!scene.exists(shared + "/short"))
      #expect(scene.owner(of: shared + "/x") == 0)
    }
  }
}
