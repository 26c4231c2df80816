/// What is said of one controller, and not of the fleet, in its `certfleet.conf`: an object of JSON5, read as inventories are.
package struct ControllerSettings: Sendable {
  /// The address of a database that several controllers share.
  package var database: String?
  /// What it is called among them.
  package var name: String?
  /// Those whose hosts it reaches.
  package var sites: Set<String> = []

  /// - Throws: `InvalidInventory`, with all that is wrong with it.
  package init(file: String) throws {
    let problems = Problems()
    let read: ControllerSettings? = InventoryFile.parse(file, problems)?.object { fields in
      var settings = ControllerSettings()
      settings.database = fields["database"]?.string()
      settings.name = fields["name"]?.name()
      settings.sites = Set((fields["sites"]?.list() ?? []).compactMap { $0.name() })
      return settings
    }
    guard let read, problems.all.isEmpty else { throw InvalidInventory(problems: problems.all) }
    self = read
  }

  private init() {}
}
