package import Fleet

/// What an apply has changed of one thing, under its name.
package enum ChangedFields {
  /// So many members of one thing have a line each.
  private static let most = 12

  package static func text(_ changes: [FieldChange], on screen: Screen) -> String {
    let width = min(changes.prefix(most).map(\.field.count).max() ?? 0, 28)
    let lines = changes.prefix(most).map { change in
      screen.wrapped(
        words(change), first: "    " + change.field.visible.padded(to: width) + "  ", indent: 6 + width)
    }
    return lines.joined() + (changes.count > most ? "    … and \(changes.count - most) more\n" : "")
  }

  private static func words(_ change: FieldChange) -> String {
    func shown(_ text: String) -> String { text.visible.shortened(to: 120) }
    guard change.removed.isEmpty, change.added.isEmpty else {
      return (change.added.map { "+ \(shown($0))" } + change.removed.map { "- \(shown($0))" }).joined(
        separator: "  ")
    }
    return switch (change.before, change.after) {
    case (let before?, let after?): "\(shown(before)) → \(shown(after))"
    case (nil, let after?): "+ \(shown(after))"
    case (let before?, nil): "- \(shown(before))"
    case (nil, nil): ""
    }
  }
}
