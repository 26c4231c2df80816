extension String {
  /// Compares runs of digits by their value and everything else by its bytes, so that `web2` comes before
  /// `web10`. Names that differ only in leading zeros fall back to plain order, which keeps the order total.
  package func naturallyPrecedes(_ other: String) -> Bool {
    var a = Substring(self).utf8
    var b = Substring(other).utf8
    while let x = a.first, let y = b.first {
      if x.isDigit, y.isDigit {
        let (left, right) = (a.takeNumber(), b.takeNumber())
        if left.count != right.count { return left.count < right.count }
        if !left.elementsEqual(right) { return left.lexicographicallyPrecedes(right) }
      } else {
        if x != y { return x < y }
        a.removeFirst()
        b.removeFirst()
      }
    }
    if a.isEmpty != b.isEmpty { return a.isEmpty }
    return self < other
  }
}

extension UInt8 {
  fileprivate var isDigit: Bool { (48...57).contains(self) }
}

extension Substring.UTF8View {
  /// Takes the digits at the front, without leading zeros.
  fileprivate mutating func takeNumber() -> Substring.UTF8View {
    let digits = prefix(while: \.isDigit)
    removeFirst(digits.count)
    return digits.drop(while: { $0 == 48 })
  }
}
