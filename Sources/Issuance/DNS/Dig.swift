import Fleet
import FoundationEssentials
import System

/// Questions to the DNS by dig(1), which comes with nsupdate(1).
struct Dig: Sendable {
  /// An IP address to ask; `nil` asks the system's resolvers.
  let server: String?

  enum Kind: String {
    case cname = "CNAME", soa = "SOA", ns = "NS", txt = "TXT", a = "A", aaaa = "AAAA", caa = "CAA"
  }

  /// A line of an answer: whose it is, and its data.
  struct Record: Hashable {
    let owner: String
    let data: String
  }

  /// The answer's records of a kind.
  ///
  /// - Parameter recursing: whether the server may ask others; an authoritative one must not have to.
  /// - Throws: `ProofFailure` when dig is not there; `nil` is returned when nobody answered.
  func records(_ kind: Kind, of name: String, recursing: Bool = true) async throws -> [Record]? {
    var arguments = server.map { ["@\($0)"] } ?? []
    arguments += ["+noall", "+answer", "+time=3", "+tries=2", recursing ? "+recurse" : "+norecurse"]
    // -r: what the user has in ~/.digrc is for the user's own questions. A leading '-' cannot stand in a name here.
    let result = try await ChildProcess.program(
      "dig", ["-r"] + arguments + ["-q", name, "-t", kind.rawValue], package: "bind9-dnsutils",
      deadline: .seconds(15)
    ).run()
    // dig(1): 9 is "no reply from server", 10 an internal error.
    guard result.status == 0 else { return nil }
    return result.stdout.split(separator: "\n").filter { !$0.hasPrefix(";") }.compactMap { line in
      // owner, TTL, class, type, data
      let fields = line.split(maxSplits: 4, whereSeparator: \.isWhitespace)
      guard fields.count == 5, fields[3] == kind.rawValue else { return nil }
      return Record(owner: Self.plain(fields[0]), data: String(fields[4]))
    }
  }

  /// A name in lower case without the root's dot.
  static func plain(_ name: some StringProtocol) -> String {
    let lower = name.lowercased()
    return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
  }
}
