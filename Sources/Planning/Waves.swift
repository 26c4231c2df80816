import Fleet

/// Cuts a rollout's hosts into waves.
enum Waves {
  /// Each size takes its hosts in order; percentages are of all hosts, rounded up, so that a wave is never empty.
  /// When hosts are left after the last size, it is repeated, as Ansible's `serial` does.
  static func slice<Item>(_ items: [Item], into sizes: [WaveSize]) -> [[Item]] {
    var rest = items[...]
    var waves: [[Item]] = []
    while !rest.isEmpty, let size = waves.count < sizes.count ? sizes[waves.count] : sizes.last {
      let count =
        switch size {
        case .count(let count): max(count, 1)
        case .percent(let percent): max((items.count * percent + 99) / 100, 1)
        case .rest: rest.count
        }
      waves.append(Array(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
    return waves
  }
}
