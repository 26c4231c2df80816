import Fleet
import Foundation
import Testing
import ThrowawayFleet

@testable import Agents

/// Whoever has the restricted key sends what an installed agent was not made for.
@Suite(.serialized) struct HostileRequestTests {
  private struct Installed {
    let scene: AgentScene
    let agent: String

    init(_ shell: Shell, allowing lines: [String]) throws {
      scene = try AgentScene(shell)
      let configuration = scene.scratch.path + "/agent.conf"
      try Files.write(configuration, "base \(scene.base)\n" + lines.map { $0 + "\n" }.joined())
      agent = try scene.scratch.write(
        "agent", AgentScript.text + "\ncertfleet_installed \(configuration)\n")
    }

    func answer(to bytes: [UInt8]) async throws -> [AgentReply] {
      let input = scene.scratch.path + "/stdin"
      try Data(bytes).write(to: URL(filePath: input))
      let output = scene.scratch.path + "/stdout"
      try? FileManager.default.removeItem(atPath: output)
      let running = try Running(
        try Program.find(scene.shell.words[0]), scene.shell.words.dropFirst() + [agent],
        environment: ["HOME": scene.scratch.path], stdin: input, stdout: output, stderr: "/dev/null")
      _ = await running.ended()
      processorTime.append(await running.usage().processorTime)
      var parser = ReplyParser(nonce: "n0nce")
      return try parser.consume(FileManager.default.contents(atPath: output) ?? Data())
    }

    let processorTime = Figures()

    func request(_ records: [String], _ command: String = "visit") -> [UInt8] {
      Array(
        "certfleet_request='\(records.joined(separator: "\n"))'\ncertfleet_main n0nce \(AgentScript.version) \(command) end\n"
          .utf8)
    }

    func visit(epoch: String = "1") -> [String] {
      ["visit t1 \(epoch) 1 1 web1 0 0", "base :\(scene.base)", "cert x 1 f1 :x.example"]
    }
  }

  private final class Figures: @unchecked Sendable {
    // Written by one test alone, between its awaits.
    private(set) var worst = 0.0
    func append(_ figure: Double) { worst = max(worst, figure) }
  }

  @Test(arguments: Shell.all)
  func `requests that are too long, too many or cut off do nothing, in bounded time`(shell: Shell)
    async throws
  {
    let host = try Installed(shell, allowing: ["certificate x"])
    let many = Array(repeating: "cert x 1 f1 :x.example", count: 1_000_000)
    let files = (1...19_000).map { "file x f\($0) 0644 :x" }
    let hostile: [(String, [UInt8])] = [
      ("a million records", host.request(host.visit() + many)),
      (
        "one record without an end",
        host.request(host.visit() + ["need :" + String(repeating: "x", count: 1_000_000)])
      ),
      ("zero bytes", host.request(host.visit() + ["need :\0\0\0 :x"])),
      ("no start", Array(host.request(host.visit()).dropLast(20))),
      ("a request in a request", host.request(host.visit() + ["'", "certfleet_request='visit"])),
      ("nothing but quotes", Array(repeating: UInt8(ascii: "'"), count: 1_000_000)),
      ("lines without an end", Array(repeating: UInt8(ascii: "\n"), count: 3_000_000)),
      ("a certificate twice", host.request(host.visit() + ["cert x 2 f1 :x.example"])),
      ("files for nobody", host.request(["visit t1 1 1 1 web1 0 0", "base :/elsewhere"] + files)),
    ]
    for (name, bytes) in hostile {
      let replies = try await host.answer(to: bytes)
      if case .end(.ok, _) = replies.end { Issue.record("\(name) was done") }
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: host.scene.base).isEmpty)
    print("\(shell.words[0]): the worst hostile request took \(host.processorTime.worst) s of processor time")
    // Of the shell itself: 20 s are its limit while it reads, and what is refused is refused at once.
    #expect(host.processorTime.worst < 25)
  }

  @Test func `a line without an end is not read for ever`() async throws {
    let host = try Installed(Shell.all[0], allowing: ["certificate x"])
    let running = try Running(
      "/bin/sh", ["-c", "tr '\\0' x </dev/zero | exec dash '\(host.agent)' >/dev/null"], stdout: nil,
      stderr: "/dev/null")
    // By its processor time, or on a busy machine by the clock; the shell that waits for it says 128 and the signal's number.
    let status = await running.ended()
    #expect([128 + SIGXCPU, 128 + SIGKILL].contains(status), "\(status)")
    let usage = await running.usage()
    #expect(usage.peakMegabytes < 512)
    print("an endless line: \(usage.peakMegabytes) MB")
  }

  /// In a namespace of its own, where the next process gets the number that is wanted (pid_namespaces(7)).
  @Test(.enabled(if: geteuid() == 0, "needs root, for a process namespace"), arguments: Shell.all)
  func `a deadline whose agent is gone ends nobody who has its number by then`(shell: Shell) async throws {
    let host = try Installed(shell, allowing: ["certificate x"])
    let folder = host.scene.scratch.path
    // The deadline is when the test says, and has come to its end when nobody has the pipe open any more.
    try host.scene.scratch.write(
      "bin/sleep", "#!/bin/sh\n: >'\(folder)/asleep'\nread -r _ <'\(folder)/over'\n")
    chmod(folder + "/bin/sleep", 0o755)
    mkfifo(folder + "/over", 0o600)
    let script = """
      cd '\(folder)' && mkfifo in open && exec 9<>in
      cat open & all=$!
      PATH='\(folder)/bin':$PATH HOME='\(folder)' \(shell.words.joined(separator: " ")) '\(host.agent)' <in >/dev/null 2>&1 8>open 9>&- & agent=$!
      until [ -e asleep ]; do sleep 0.1; done
      kill -9 $agent; wait $agent
      echo $((agent - 1)) >/proc/sys/kernel/ns_last_pid
      sh -c 'exec sleep 1000' & other=$!
      [ $other = $agent ] || { echo "got $other for $agent"; exit 1; }
      echo >over
      wait $all; kill -0 $other && kill $other && wait $other; echo "ended by $?"
      """
    let result = try await Program.run(
      try Program.find("unshare"),
      ["--pid", "--fork", "--mount-proc", "--kill-child", "/bin/sh", "-c", script])
    #expect(result.stdout == "ended by \(128 + SIGTERM)\n", "\(result.everything)")
  }

  @Test(arguments: Shell.all)
  func `an epoch that leaves none for the real controller is refused`(shell: Shell) async throws {
    let host = try Installed(shell, allowing: ["certificate x"])
    func end(_ epoch: String) async throws -> AgentReply? {
      try await host.answer(to: host.request(host.visit(epoch: epoch))).end
    }
    for epoch in ["99999999999999", "100001"] {
      #expect(
        try await end(epoch)
          == .end(.failedClean, text: "the epoch \(epoch) cannot be: the host has seen 0"))
    }
    #expect(try await end("17") == .end(.ok, text: ""))
  }

  @Test(arguments: Shell.all)
  func `what is not allowed is refused before anybody is told what is on the host`(shell: Shell) async throws
  {
    let host = try Installed(shell, allowing: ["certificate x", "key ecdsa-p256"])
    let present = try host.scene.scratch.write("present", "x")
    func steps(_ record: String) async throws -> [String] {
      try await host.answer(to: host.request(host.visit() + [record])).steps
    }
    for (there, absent) in [
      ("need :ls :x", "need :no-such-thing :x"),
      ("install x cert.pem 0600 - - - :\(present)", "install x cert.pem 0600 - - - :\(present).not"),
      ("directory 60 :/etc", "directory 60 :/no/such/folder"),
    ] {
      let (first, second) = (try await steps(there), try await steps(absent))
      #expect(first.count == 1 && first[0].contains("does not allow"), "\(first)")
      #expect(second.count == 1 && second[0].contains("does not allow"), "\(second)")
    }
    let query = "visit t1 1 1 1 web1 0 0"
    for (type, reason) in [
      ("rsa-16384", "there is a record 'key'"), ("rsa-4096", "does not allow 'key rsa-4096'"),
    ] {
      let replies = try await host.answer(
        to: host.request([query, "base :\(host.scene.base)", "key x k1 \(type) no :DNS:x.example"], "task"))
      #expect("\(replies)".replacing("\\'", with: "'").contains(reason), "\(replies)")
    }
    #expect(host.processorTime.worst < 5)
  }

  @Test(arguments: Shell.all)
  func `a certificate's key, hook or time is not had under another's name`(shell: Shell) async throws {
    let host = try Installed(
      shell,
      allowing: [
        "certificate a", "certificate b", "file b /etc/b.key privkey.pem 0640 -:- -",
        "hook deploy 60 - stop :true", "need true",
      ])
    let head = ["visit t1 1 1 1 web1 0 0", "base :\(host.scene.base)", "cert a 1 f1 :a.example"]
    for (record, reason) in [
      ("install a privkey.pem 0640 - - - :/etc/b.key", "does not allow 'file a /etc/b.key"),
      ("hook deploy other,a 0 60 - stop :true", "does not allow 'certificate other'"),
      ("directory 0 :/etc/hooks", "does not allow 'hooks-directory 0 /etc/hooks'"),
    ] {
      let replies = try await host.answer(to: host.request(head + [record]))
      #expect("\(replies)".replacing("\\'", with: "'").contains(reason), "\(replies)")
    }
    let long = try await host.answer(
      to: host.request([
        "visit t1 1 1 1 web1 9999999999 0", "base :\(host.scene.base)", "cert a 1 f1 :a.example",
      ]))
    #expect("\(long)".contains("there is a record"), "\(long)")
    // What is not allowed costs nothing either, in a query as in a visit.
    let deep = (1...200).map {
      "install a cert.pem 0600 - - - :" + String(repeating: "/d", count: 150) + "/\($0)"
    }
    for command in ["query", "task", "visit"] {
      _ = try await host.answer(to: host.request(head + deep, command))
    }
    #expect(host.processorTime.worst < 10)
  }

  @Test(arguments: Shell.all)
  func `a pattern of the shell's in a request matches no line of the configuration`(shell: Shell) async throws
  {
    let host = try Installed(
      shell, allowing: ["certificate x", "hook pre 60 - stop :rm%s-rf%s/srv/one", "need true"])
    for command in [":*", ":rm%s-rf%s/srv/*", ":rm%s-rf%s/srv/on?", ":[r]m%s-rf%s/srv/one"] {
      let replies = try await host.answer(
        to: host.request(host.visit() + ["hook pre - 0 60 - stop \(command)"]))
      #expect("\(replies)".contains("does not allow this hook"), "\(command): \(replies)")
    }
    let short = try await host.answer(
      to: host.request(host.visit() + ["hook pre - 0 1 - stop :rm%s-rf%s/srv/one"]))
    #expect(short.end == .end(.ok, text: ""), "\(short)")
  }
}
