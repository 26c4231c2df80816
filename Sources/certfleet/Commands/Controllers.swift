import Controller
import Storage

extension Command {
  static let migrate = Command(
    words: ["migrate"],
    summary: "copy the state to a PostgreSQL database that several controllers share, and mark it as moved",
    options: [
      Option(
        name: "to", value: "URL",
        help: "postgresql://USER@HOST/NAME of an empty database; its password in a file (PGPASSFILE)")
    ]
  ) { invocation in
    guard let address = invocation["to"] else {
      throw UsageError(
        message: "name the database: --to postgresql://USER@HOST/NAME", command: invocation.command)
    }
    #if PostgreSQL
      let moved = try await Controller.move(invocation.statePath, to: address)
      let rows = moved.rows.values.reduce(0, +)
      Console.standard.result(
        """
        \(rows) rows of \(moved.rows.count) tables are there, and the chain of \(moved.events) events is whole
        from now on: \(DatabaseLocation.variable)=\(address), or 'database' in \(ControllerConfiguration.path(of: invocation.statePath))
        other controllers need the sealing key, too: copy \(invocation.statePath)/sealing.key to them, with mode 600

        """)
    #else
      _ = try DatabaseLocation(address)
    #endif
    return .converged
  }
}

extension Command {
  static let controllers = Command(
    words: ["controllers"], summary: "show the controllers that share the state, and what they are at",
    options: [.json]
  ) { invocation in
    guard let controllers = try await invocation.controller().controllers() else {
      throw UsageError(
        message:
          "this state is one controller's; several share one that 'certfleet migrate' has brought to PostgreSQL",
        command: invocation.command)
    }
    try invocation.show(controllers)
    return .converged
  }
}
