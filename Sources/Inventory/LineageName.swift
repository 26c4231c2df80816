package import Fleet

extension Lineage {
  /// Whether a name that was chosen elsewhere can be one of ours: a file name, an argument and a word in a report.
  package static func isName(_ text: String) -> Bool {
    let problems = Problems()
    return InventoryNode(value: .string(text), file: "", path: "", problems: problems).name() != nil
  }
}
