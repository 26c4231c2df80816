import Agents
import Engine
import Fleet
import Foundation
import Synchronization
import struct Fleet.Host

/// A host as the agent's protocol shows it: what is active, and how each visit ended.
struct ModelHost: Hashable {
  var active = 1
  var ends: [String: String] = [:]
}

/// What a model host says in one session; its own agent goes on when the connection is lost.
final class ModelConversation: CommandChannel {
  private let world: ModelWorld
  private let host: Host.Name
  private let state = Mutex(State())

  private struct State {
    var lines: [String] = []
    var nonce = ""
    var isLost = false
    var isVisit = false
    /// What comes after the controller's word, and what the host has then.
    var pending: (token: String, generation: Int, former: Int)?
  }

  init(world: ModelWorld, host: Host.Name) {
    self.world = world
    self.host = host
  }

  func send(_ bytes: [UInt8]) async throws(ConnectionLost) {
    let text = String(decoding: bytes, as: UTF8.self)
    let lost = state.withLock { state -> Bool in
      if state.isLost { return true }
      if let start = text.range(of: "\ncertfleet_main ") {
        let words = text[start.upperBound...].split(separator: " ")
        state.nonce = String(words[0])
        begin(words[2] == "query", records: text, &state)
      } else {
        take(word: text.contains(" commit") ? "commit" : "revert", &state)
      }
      return state.isLost
    }
    if lost { throw ConnectionLost(reason: "reset by peer") }
  }

  private static let hello = "hello \(AgentScript.version) 0"
  private static let work =
    [hello] + ["preflight -", "stage x", "activate x"].map { "step \($0) - ok 0" }

  private func record(_ key: String, in text: String) -> [Substring] {
    let lines = text.split(separator: "\n").map { $0.drop { $0 == "'" } }
    return lines.map { $0.split(separator: " ") }.last {
      $0.first.map { $0 == key || $0.hasSuffix("'\(key)") } ?? false
    } ?? []
  }

  private func begin(_ isQuery: Bool, records: String, _ state: inout State) {
    let token = String(record("visit", in: records)[1])
    if isQuery {
      let known = world.with { $0.hosts[host, default: ModelHost()].ends[token] }
      say([Self.hello, known ?? "end unknown_token"], &state)
      return
    }
    let generation = Int(record("cert", in: records)[2]) ?? 0
    let confirm = Int(record("visit", in: records)[6]) ?? 0
    state.isVisit = true
    world.with { world in
      world.openVisits[host, default: 0] += 1
      if world.openVisits[host] != 1 { world.faults.append("\(host) is visited twice at once") }
      var model = world.hosts[host, default: ModelHost()]
      let former = model.active
      func end(_ text: String, active: Int) -> [String] {
        model.active = active
        model.ends[token] = "end \(text)"
        return Self.work + ["end \(text)"]
      }
      let trouble = world.trouble
      if world.random.chance(trouble / 10) {
        // Lost before anything arrived: nothing ran.
        state.isLost = true
      } else if world.random.chance(trouble / 8) {
        say(end("failed_clean a pre hook failed", active: former), &state)
      } else if world.random.chance(trouble / 8) {
        say(end("rolled_back deploy hook failed", active: former), &state)
      } else if world.random.chance(trouble / 20) {
        say(end("failed_dirty stuck", active: generation), &state)
      } else if world.random.chance(trouble / 20) {
        say([Self.hello, "end deferred busy"], &state)
      } else if confirm > 0 {
        model.active = generation
        state.pending = (token, generation, former)
        // Until the word comes, this is how it ends.
        model.ends[token] = "end rolled_back no word from the controller"
        say(Self.work + ["step deploy x 0 ok 0", "await \(confirm)"], &state)
      } else {
        let words = world.random.chance(trouble / 8) ? "degraded post hook failed" : "ok"
        say(end(words, active: generation), &state)
        // Lost after it was done, before it was told.
        if world.random.chance(trouble / 10) { state.lines = [Self.hello] }
      }
      world.hosts[host] = model
    }
  }

  private func take(word: String, _ state: inout State) {
    guard let pending = state.pending else { return }
    state.pending = nil
    world.with { world in
      let text = word == "commit" ? "end ok" : "end rolled_back not served"
      world.hosts[host]?.active = word == "commit" ? pending.generation : pending.former
      world.hosts[host]?.ends[pending.token] = text
      if world.random.chance(world.trouble / 10) { state.isLost = true } else { say([text], &state) }
    }
  }

  private func say(_ lines: [String], _ state: inout State) { state.lines += lines }

  func receive(within timeout: Duration) async throws(ConnectionLost) -> ChannelOutput {
    let line = state.withLock { state in
      state.lines.isEmpty ? nil : "@certfleet \(state.nonce) 0 \(state.lines.removeFirst())\n"
    }
    guard let line else { throw ConnectionLost(reason: "reset by peer") }
    return .stdout(Array(line.utf8))
  }

  func close() async {
    let (isVisit, pending) = state.withLock { state in
      defer { (state.isVisit, state.pending) = (false, nil) }
      return (state.isVisit, state.pending)
    }
    guard isVisit else { return }
    world.with { world in
      world.openVisits[host, default: 1] -= 1
      // No word came: the host goes back by itself.
      if let pending { world.hosts[host]?.active = pending.former }
    }
  }
}
