import Fleet

/// What arguments for ssh(1) say of how a host is reached.
struct SSHArguments {
  /// `user@host:port` of each hop, the first one first.
  private(set) var jumps: [String]?
  private(set) var port: Int?
  private(set) var user: String?
  private(set) var identity: String?
  /// What says something else.
  private(set) var rest: [String] = []

  /// What only makes ssh itself quicker or quieter.
  private static let harmless: Set = [
    "controlmaster", "controlpersist", "controlpath", "preferredauthentications", "serveraliveinterval",
    "serveralivecountmax", "connecttimeout", "connectionattempts", "loglevel", "compression", "batchmode",
    "forwardagent", "tcpkeepalive", "addressfamily", "identitiesonly",
  ]

  init(_ text: String) {
    var words = Self.split(text)[...]
    while let word = words.popFirst() {
      let letter = word.dropFirst().first
      guard word.hasPrefix("-"), let letter, word != "--" else {
        rest.append(word)
        continue
      }
      guard "oJpliFcmSWbDILQRwe".contains(letter) else {
        if !word.dropFirst().allSatisfy("CqTaxnvA46".contains) { rest.append(word) }
        continue
      }
      let value = word.count > 2 ? String(word.dropFirst(2)) : words.popFirst() ?? ""
      switch letter {
      case "o": option(value)
      case "J": jumps = value.split(separator: ",").map(String.init)
      case "p": port = Int(value)
      case "l": user = value
      case "i": identity = value
      case "S": break
      default: rest.append("-\(letter) \(value)")
      }
    }
  }

  private mutating func option(_ text: String) {
    let parts = text.split(maxSplits: 1) { $0 == "=" || $0 == " " }.map(String.init)
    let value = parts.count == 2 ? parts[1].trimmed : ""
    switch parts.first?.lowercased() ?? "" {
    case "proxyjump" where value.lowercased() == "none": break
    case "proxyjump": jumps = value.split(separator: ",").map { String($0).trimmed }
    case "proxycommand":
      if let hop = Self.hop(of: value) { jumps = [hop] } else { rest.append("ProxyCommand=\(value)") }
    case "port": port = Int(value)
    case "user": user = value
    case "identityfile": identity = value
    case "stricthostkeychecking", "userknownhostsfile", "globalknownhostsfile":
      // Keys are pinned here, whatever was done before.
      break
    case let key where Self.harmless.contains(key): break
    default: rest.append(text)
    }
  }

  /// `ssh -W %h:%p [-q] [-p 22] [-l user] bastion`: a jump host written the old way.
  private static func hop(of command: String) -> String? {
    let words = split(command)
    guard let program = words.first, program == "ssh" || program.hasSuffix("/ssh") else { return nil }
    var (host, user, port): (String?, String?, String?) = (nil, nil, nil)
    var (isForwarding, rest) = (false, words.dropFirst())
    while let word = rest.popFirst() {
      switch word {
      case "-W": isForwarding = rest.popFirst() == "%h:%p"
      case "-W%h:%p": isForwarding = true
      case "-p": port = rest.popFirst()
      case "-l": user = rest.popFirst()
      case "-o":
        // How the hop's key is proven is not the hop.
        guard let option = rest.popFirst()?.lowercased(),
          option.contains("known") || option.contains("stricthost")
        else { return nil }
      case "-q", "-T", "-x", "-a": break
      case let word where word.hasPrefix("-"): return nil
      case let word where host == nil: host = word
      default: return nil
      }
    }
    guard isForwarding, let host else { return nil }
    return (user.map { "\($0)@" } ?? "") + host + (port.map { ":\($0)" } ?? "")
  }

  /// Words as a shell has them, with both kinds of quotes.
  private static func split(_ text: String) -> [String] {
    var (words, word, quote): ([String], String?, Character?) = ([], nil, nil)
    var isEscaped = false
    for character in text {
      if isEscaped {
        word = (word ?? "") + String(character)
        isEscaped = false
      } else if character == "\\", quote != "'" {
        isEscaped = true
      } else if let open = quote {
        if character == open { quote = nil } else { word = (word ?? "") + String(character) }
      } else if character == "'" || character == "\"" {
        (quote, word) = (character, word ?? "")
      } else if character.isWhitespace {
        if let word { words.append(word) }
        word = nil
      } else {
        word = (word ?? "") + String(character)
      }
    }
    if let word { words.append(word) }
    return words
  }
}

extension ImportedFleet {
  /// Declares the hops that are not there yet, each reached through the one before.
  ///
  /// - Returns: the name of the last one, which a host behind it goes through.
  mutating func jump(along hops: [String]) -> String? {
    var before: String?
    for hop in hops {
      guard let known = hostName(ofHop: hop) else { continue }
      if let via = before, pendingJumps[known]?.via == nil { pendingJumps[known]?.via = via }
      before = known
    }
    return before
  }

  private mutating func hostName(ofHop hop: String) -> String? {
    var text = hop.hasPrefix("ssh://") ? String(hop.dropFirst(6)) : hop
    var host = ImportedHost(name: "")
    if let at = text.lastIndex(of: "@") {
      host.user = String(text[..<at])
      text = String(text[text.index(after: at)...])
    }
    if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
      host.port = Int(text[text.index(after: end)...].dropFirst())
      text = String(text[text.index(after: text.startIndex)..<end])
    } else if text.filter({ $0 == ":" }).count == 1, let colon = text.firstIndex(of: ":") {
      host.port = Int(text[text.index(after: colon)...])
      text = String(text[..<colon])
    }
    host.name = ImportedHost.name(from: text)
    guard !host.name.isEmpty else { return nil }
    if host.name != text { host.address = text }
    host.comment = "a jump host"
    if pendingJumps[host.name] == nil { pendingJumps[host.name] = host }
    return host.name
  }

  /// Jump hosts that the file has not as hosts, by name or address, are declared too.
  mutating func addMissingJumps() {
    for jump in pendingJumps.values.sorted(by: { $0.name.naturallyPrecedes($1.name) }) {
      if let known = hosts.first(where: { $0.name == jump.name || $0.reached == jump.reached }) {
        // It is called by its address where others go through it.
        for index in hosts.indices where hosts[index].via == jump.name { hosts[index].via = known.name }
      } else {
        add(jump)
      }
    }
    pendingJumps = [:]
  }
}
