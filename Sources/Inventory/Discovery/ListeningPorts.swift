/// proc(5), net/tcp: the ports at which something listens, for others than the host itself.
struct ListeningPorts {
  let all: [Int]

  /// - Parameter address: at which the host is reached.
  init(_ text: String, at address: String) {
    let own = address.split(separator: ".").compactMap { UInt8($0) }
    all = text.split(whereSeparator: \.isNewline).compactMap { line in
      let fields = line.split(separator: " ")
      guard fields.count > 3, fields[3] == "0A" else { return nil }
      let place = fields[1].split(separator: ":")
      guard place.count == 2, let port = Int(place[1], radix: 16) else { return nil }
      // Little-endian, in groups of four bytes.
      let hex = String(place[0])
      let isAny = hex.allSatisfy { $0 == "0" }
      let isOwn =
        own.count == 4
        && hex.hasSuffix(
          own.reversed().map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
            .uppercased())
      let isLoopback = hex.count == 8 && hex.hasSuffix("7F") || hex == "00000000000000000000000001000000"
      return isAny || isOwn || (!isLoopback && own.first != 127) ? port : nil
    }
  }
}
