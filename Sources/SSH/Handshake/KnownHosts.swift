import COpenSSL
import FoundationEssentials
import Glibc

/// What a known_hosts file says (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), looked up as ssh does it: a host at another port
/// than 22 is `[name]:port` there and nothing else. libssh2's own reader falls back to the bare name and takes `@revoked`
/// for one.
package struct KnownHosts: Sendable {
  private var entries: [Entry] = []
  /// By plain names, so that a fleet's hosts are not looked for in each line.
  private var named: [String: [Int]] = [:]
  /// Hashed names and patterns, which have to be tried.
  private var others: [Int] = []
  /// The numbers of the lines that could not be read.
  package private(set) var unreadable: [Int] = []

  private struct Entry {
    let marker: Marker
    let names: Names
    let key: ServerKey
  }

  private enum Marker { case none, revoked, authority }

  private enum Names {
    case patterns([String])
    /// HMAC-SHA1 of the name under the salt.
    case hashed(salt: [UInt8], digest: [UInt8])
  }

  /// What the file says of one host.
  package struct Found: Hashable, Sendable {
    package var keys: [ServerKey] = []
    /// Marked `@revoked`: not among `keys`, whatever else the file says.
    package var revoked: [ServerKey] = []
    /// Marked `@cert-authority`: they vouch for keys with certificates, which libssh2 does not know.
    package var authorities: [ServerKey] = []

    package init() {}

    /// What another file says beside this one: a key that one of them revokes is revoked.
    package mutating func add(_ other: Found) {
      revoked += other.revoked
      authorities += other.authorities
      keys = (keys + other.keys.filter { !keys.contains($0) }).filter { !revoked.contains($0) }
    }
  }

  package init(_ text: String) {
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let fields = line.split(whereSeparator: \.isWhitespace)
      guard let first = fields.first, !first.hasPrefix("#") else { continue }
      guard let entry = Self.entry(fields) else {
        unreadable.append(index + 1)
        continue
      }
      add(entry)
    }
  }

  private mutating func add(_ entry: Entry) {
    let number = entries.count
    entries.append(entry)
    guard case .patterns(let patterns) = entry.names,
      !patterns.contains(where: { $0.contains { "*?!".contains($0) } })
    else {
      others.append(number)
      return
    }
    for name in Set(patterns) { named[name, default: []].append(number) }
  }

  private static func entry(_ fields: [Substring]) -> Entry? {
    var fields = fields[...]
    var marker = Marker.none
    switch fields.first {
    case "@revoked": marker = .revoked
    case "@cert-authority": marker = .authority
    case let word? where word.hasPrefix("@"): return nil
    default: break
    }
    if marker != .none { fields = fields.dropFirst() }
    guard fields.count >= 3, let names = names(fields.removeFirst()) else { return nil }
    let type = String(fields.removeFirst())
    guard let blob = Data(base64Encoded: String(fields.removeFirst())).map(Array.init),
      ServerKey.type(of: blob) == type
    else { return nil }
    return Entry(marker: marker, names: names, key: ServerKey(type: type, blob: blob))
  }

  private static func names(_ field: Substring) -> Names? {
    guard field.hasPrefix("|") else {
      return .patterns(field.split(separator: ",").map { $0.lowercased() })
    }
    let parts = field.split(separator: "|")
    guard parts.count == 3, parts[0] == "1", let salt = Data(base64Encoded: String(parts[1])),
      let digest = Data(base64Encoded: String(parts[2]))
    else { return nil }
    return .hashed(salt: Array(salt), digest: Array(digest))
  }

  // MARK: Looking up

  /// - Parameter names: what the host may be called there: its address, and what its users type.
  package func keys(of names: [String], port: UInt16) -> Found {
    let sought = names.map { name in port == 22 ? name.lowercased() : "[\(name.lowercased())]:\(port)" }
    var found = Found()
    for number in Set(sought.flatMap { named[$0] ?? [] } + others.filter { matches($0, sought) }).sorted() {
      let entry = entries[number]
      switch entry.marker {
      case .none: if !found.keys.contains(entry.key) { found.keys.append(entry.key) }
      case .revoked: found.revoked.append(entry.key)
      case .authority: found.authorities.append(entry.key)
      }
    }
    found.keys.removeAll(where: found.revoked.contains)
    return found
  }

  private func matches(_ number: Int, _ sought: [String]) -> Bool {
    switch entries[number].names {
    case .patterns(let patterns): sought.contains { Self.matches($0, patterns) }
    case .hashed(let salt, let digest): sought.contains { Self.hash($0, salt) == digest }
    }
  }

  /// One that begins with `!` and matches takes the whole line away.
  private static func matches(_ name: String, _ patterns: [String]) -> Bool {
    func holds(_ pattern: some StringProtocol) -> Bool { fnmatch(String(pattern), name, FNM_NOESCAPE) == 0 }
    let (negated, plain) = (patterns.filter { $0.hasPrefix("!") }, patterns.filter { !$0.hasPrefix("!") })
    return plain.contains(where: holds) && !negated.contains { holds($0.dropFirst()) }
  }

  private static func hash(_ name: String, _ salt: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    let bytes = Array(name.utf8)
    HMAC(EVP_sha1(), salt, Int32(salt.count), bytes, bytes.count, &digest, &count)
    return Array(digest.prefix(Int(count)))
  }
}
