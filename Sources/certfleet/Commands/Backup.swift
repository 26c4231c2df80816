import Controller
import Fleet
import FoundationEssentials
import Storage

extension Command {
  static let backup = Command(
    words: ["backup"], summary: "copy the state to a new file, also while a run is at work",
    operands: ["FILE"],
    options: [
      Option(
        name: "with-key", help: "put the sealing key in it, too: who has the file then has every private key")
    ]
  ) { invocation in
    let withKey = invocation.has("with-key")
    let backup = try await invocation.controller().backUp(to: invocation.operands[0], withKey: withKey)
    let key =
      withKey
      ? "the sealing key is in it: keep it as safe as the state itself"
      : "the sealing key is not in it: keep a copy of \(invocation.statePath)/sealing.key elsewhere"
    Console.standard.result("\(backup.path): the state of \(backup.madeAt.ISO8601Format()); \(key)\n")
    return .converged
  }

  static let restore = Command(
    words: ["restore"],
    summary: "put a backup in the place of the state; the next run looks at every host first",
    operands: ["[FILE]"],
    options: [
      Option(
        name: "point-in-time",
        help: "in the place of FILE: the database itself was put back to an earlier moment"),
      Option(
        name: "key", value: "FILE",
        help: "the sealing key, where the backup has none and the state's own is another"),
      .yes,
    ]
  ) { invocation in
    let home = invocation.statePath
    if invocation.has("point-in-time") {
      try await invocation.controller(acceptsCutOff: true).noteRestored(by: invocation.author)
      Console.standard.result(
        "the state knows that it was restored; next, which looks at every host first: \(Remedy.run)\n")
      return .converged
    }
    guard !invocation.operands.isEmpty else {
      throw UsageError(message: "name the backup", command: invocation.command)
    }
    let restored = try await Controller.restore(
      invocation.operands[0], at: home, keyPath: invocation["key"], by: invocation.author,
      environment: invocation.environment
    ) { backup in
      try invocation.confirm(
        "put the backup of \(backup.madeAt.ISO8601Format()) in the place of the state in \(home)?")
    }
    guard let (backup, former) = restored else { throw Declined(description: "the state stays as it is") }
    if let former { Console.standard.say("the state before it is \(former); remove it when all is well") }
    Console.standard.result(
      "\(home): restored as of \(backup.madeAt.ISO8601Format()); next, which looks at every host first: certfleet run\n"
    )
    return .converged
  }
}
