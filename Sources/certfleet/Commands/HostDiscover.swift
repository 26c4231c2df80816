import Controller
import Fleet
import FoundationEssentials
import Inventory
import Reporting

extension Command {
  static let hostDiscover = Command(
    words: ["host", "discover"],
    summary: "show what hosts have today: certificates, who reads and renews them; nothing is changed there",
    operands: ["[SELECTOR]"],
    options: [
      Option(name: "write", value: "FILE", help: "write the inventory that would take all of it over"),
      .json,
    ]
  ) { invocation in
    let fleet = try await invocation.controller().discover(invocation.operands.first)
    let imported = fleet.imported
    try invocation.show(fleet.lines.map(\.row))
    if !imported.notes.isEmpty {
      Console.standard.say("not understood, or left as it is:")
      for line in imported.noteLines { Console.standard.say("  \(line)") }
    }
    if let file = invocation["write"] {
      try Controller.write(new: file, imported.inventory(from: "what hosts have"))
      Console.standard.say("\(file.visible) is written; read it, then: \(Remedy.applyFile(file))")
    } else if !imported.certificates.isEmpty {
      Console.standard.say("an inventory that would take it over: \(Remedy.writeDiscovered)")
    }
    return fleet.failed.isEmpty ? .converged : .failed
  }
}
