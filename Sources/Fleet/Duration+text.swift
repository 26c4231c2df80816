extension Duration {
  /// Reads `500ms`, `5s`, `5m`, `2h` or `1d`. `nil` for anything else: a number without its unit is not a
  /// duration.
  package init?(text: String) {
    let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86400)]
    guard let unit = units.first(where: { text.hasSuffix($0.0) }),
      let amount = Double(text.dropLast(unit.0.count)), amount >= 0, amount.isFinite, amount * unit.1 < 1e9
    else { return nil }
    self = .seconds(amount * unit.1)
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
