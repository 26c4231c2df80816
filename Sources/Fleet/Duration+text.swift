extension Duration {
  /// Reads `500ms`, `5s`, `5m`, `2h`, `1d`, and several of them from the longest to the shortest: `1h30m`. `nil` for anything else: a
  /// number without its unit is not a duration.
  package init?(text: String) {
    let units: [(String, Double)] = [("d", 86400), ("h", 3600), ("m", 60), ("s", 1), ("ms", 0.001)]
    var (rest, total, next) = (text[...], 0.0, 0)
    repeat {
      let number = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." || $0 == "e" || $0 == "-" }
      let name = rest.dropFirst(number.count).prefix { $0.isLetter }
      guard let amount = Double(number), amount >= 0, amount.isFinite,
        let unit = units[next...].firstIndex(where: { $0.0 == name })
      else { return nil }
      total += amount * units[unit].1
      rest = rest.dropFirst(number.count + name.count)
      next = unit + 1
    } while !rest.isEmpty
    guard total < 1e9 else { return nil }
    self = .seconds(total)
  }

  package var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }

  /// Two units at the most: `350ms`, `4.2s`, `3m 10s`, `2h 5m`, `12d 3h`.
  package var short: String {
    let total = seconds
    if total < 1 { return "\(Int((total * 1000).rounded()))ms" }
    if total < 60 {
      let tenths = (total * 10).rounded() / 10
      return tenths == tenths.rounded() ? "\(Int(tenths))s" : "\(tenths)s"
    }
    let whole = Int(total)
    if whole < 3600 { return "\(whole / 60)m \(whole % 60)s" }
    if whole < 86400 { return "\(whole / 3600)h \(whole % 3600 / 60)m" }
    return "\(whole / 86400)d \(whole % 86400 / 3600)h"
  }
}
