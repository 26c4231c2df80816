package import FoundationEssentials

/// What a rollout waits for that does not go on by itself at once.
package enum RolloutWait: Hashable, Sendable {
  /// A person wants it to wait; who, and why.
  case person(String)
  case approval(wave: Int)
  /// As the gate tells it.
  case window(String)
  case bake(wave: Int, until: Date)

  /// One word for each, everywhere.
  package var words: String {
    switch self {
    case .person(let name): "paused by \(name.visible)"
    case .approval(let wave): "wave \(wave) waits for approval"
    case .window(let text): text
    case .bake(let wave, let end): "wave \(wave) bakes until \(end.ISO8601Format())"
    }
  }
}
