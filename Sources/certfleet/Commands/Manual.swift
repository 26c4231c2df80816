import Fleet
import Inventory

extension Command {
  static let manual = Command(
    words: ["manual"], summary: "print a manual page, for man(1); without a name, what pages there are",
    operands: ["[PAGE]"]
  ) { invocation in
    let pages = ManualPages(commands: Certfleet.commands)
    guard let name = invocation.operands.first else {
      Console.standard.result(pages.names.map { $0 + "\n" }.joined())
      return .converged
    }
    guard let page = pages.page(name) else {
      let hint = Nearest.suggestion(for: name, among: pages.names)
      throw UsageError(
        message: "there is no page '\(name.visible)'\(hint.isEmpty ? "; see: certfleet manual" : hint)",
        command: invocation.command)
    }
    Console.standard.result(page)
    return .converged
  }

  static let schema = Command(
    words: ["schema"], summary: "print the JSON Schema of an inventory, for editors"
  ) { _ in
    Console.standard.result(try FleetJSON.pretty(InventoryDescription.standard.schema()))
    return .converged
  }
}
