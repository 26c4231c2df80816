extension String {
  /// Compares runs of digits by their value and everything else by its bytes, so that `web2` comes before
  /// `web10`. Names that differ only in leading zeros fall back to plain order, which keeps the order total.
  package func naturallyPrecedes(_ other: String) -> Bool {
    let order = utf8.withContiguousStorageIfAvailable { a in
      other.utf8.withContiguousStorageIfAvailable { b in a.naturalOrder(b) }
    }
    let isBefore =
      order.flatMap { $0 }
      ?? Array(utf8).withUnsafeBufferPointer { a in
        Array(other.utf8).withUnsafeBufferPointer { b in a.naturalOrder(b) }
      }
    return isBefore == 0 ? self < other : isBefore < 0
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// Below 0 where it comes first, 0 where only leading zeros may differ.
  fileprivate func naturalOrder(_ other: UnsafeBufferPointer<UInt8>) -> Int {
    var (i, j) = (0, 0)
    while i < count, j < other.count {
      let (x, y) = (self[i], other[j])
      guard x.isDigit, y.isDigit else {
        if x != y { return x < y ? -1 : 1 }
        (i, j) = (i + 1, j + 1)
        continue
      }
      let (left, right) = (number(from: &i), other.number(from: &j))
      if left.count != right.count { return left.count - right.count }
      for (a, b) in zip(left, right) where self[a] != other[b] { return self[a] < other[b] ? -1 : 1 }
    }
    return (i < count ? 1 : 0) - (j < other.count ? 1 : 0)
  }

  /// Where the digits are that begin here, without leading zeros; `index` goes behind them.
  private func number(from index: inout Int) -> Range<Int> {
    while index < count, self[index] == UInt8(ascii: "0") { index += 1 }
    let start = index
    while index < count, self[index].isDigit { index += 1 }
    return start..<index
  }
}

extension UInt8 {
  fileprivate var isDigit: Bool { (48...57).contains(self) }
}
