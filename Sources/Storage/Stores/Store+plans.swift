import Fleet
import FoundationEssentials
import PKI

/// A plan's visits are rows. Thousands of hosts differ in their names and addresses alone: what else is said of them, and the certificates
/// that they get, is stored once in a plan and read once.
struct StoredPlan {
  /// The plan without its visits, as JSON.
  let header: String
  /// What visits refer to by its place here, as JSON.
  private(set) var parts: [String] = []
  private(set) var visits: [Visit] = []
  let hash: String

  struct Visit {
    let wave: Int
    let host: Host.Name
    let address: String
    /// Numbers of parts.
    let settings: Int
    let certificates: Int
    let wasUnreachable: Bool
  }

  init(_ plan: Plan) throws {
    var header = plan
    for index in header.waves.indices { header.waves[index].visits = [] }
    self.header = try FleetJSON.canonical(header)
    var (settings, certificates): ([Host: Int], [[PlannedCertificate]: Int]) = ([:], [:])
    for (index, wave) in plan.waves.enumerated() {
      for visit in wave.visits {
        visits.append(
          Visit(
            wave: index + 1, host: visit.host.name, address: visit.host.address,
            settings: try Self.number(of: visit.host.settings, in: &settings, &parts),
            certificates: try Self.number(of: visit.certificates, in: &certificates, &parts),
            wasUnreachable: visit.wasUnreachable))
      }
    }
    // No name has a line's end in it.
    let lines = visits.map {
      "\($0.wave)\n\($0.host)\n\($0.address)\n\($0.settings) \($0.certificates) \($0.wasUnreachable)\n"
    }
    hash = SHA256.hexadecimal(([self.header] + parts + lines).joined(separator: "\n").utf8)
  }

  private static func number<Part: Hashable & Encodable>(
    of part: Part, in known: inout [Part: Int], _ parts: inout [String]
  ) throws -> Int {
    if let number = known[part] { return number }
    known[part] = parts.count
    parts.append(try FleetJSON.canonical(part))
    return parts.count - 1
  }
}

extension Host {
  /// What many hosts have in common.
  fileprivate var settings: Host {
    var settings = self
    (settings.name, settings.address) = ("", "")
    return settings
  }
}

extension Store {
  func keep(_ plan: StoredPlan, of id: Rollout.ID) throws {
    let rollout = DatabaseValue.integer(id.number)
    for (number, part) in plan.parts.enumerated() {
      try database.run(
        "INSERT INTO plan_part (rollout, number, part) VALUES (?, ?, ?)",
        [rollout, .integer(number), .text(part)])
    }
    for (number, visit) in plan.visits.enumerated() {
      try database.run(
        """
        INSERT INTO planned_visit (rollout, number, wave, host, address, settings, certificates, was_unreachable)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [
          rollout, .integer(number), .integer(visit.wave), .text(visit.host.rawValue), .text(visit.address),
          .integer(visit.settings), .integer(visit.certificates), .integer(visit.wasUnreachable ? 1 : 0),
        ])
    }
  }

  /// Puts its visits into a plan that was stored without them. One of a rollout that an earlier release planned has them.
  func putVisits(into plan: inout Plan, of id: Rollout.ID) throws {
    let stored = try database.rows(
      """
      SELECT wave, host, address, settings, certificates, was_unreachable FROM planned_visit
      WHERE rollout = ? ORDER BY number
      """, [.integer(id.number)]
    ) {
      StoredPlan.Visit(
        wave: $0.integer(0), host: Host.Name($0.text(1)), address: $0.text(2), settings: $0.integer(3),
        certificates: $0.integer(4), wasUnreachable: $0.integer(5) == 1)
    }
    guard !stored.isEmpty else { return }
    let parts = try database.rows(
      "SELECT part FROM plan_part WHERE rollout = ? ORDER BY number", [.integer(id.number)]
    ) { $0.text(0) }
    let settings: [Int: Host] = try Self.decode(Set(stored.map(\.settings)), of: parts)
    let certificates: [Int: [PlannedCertificate]] = try Self.decode(
      Set(stored.map(\.certificates)), of: parts)
    for visit in stored {
      guard var host = settings[visit.settings], let certificates = certificates[visit.certificates] else {
        throw Missing(what: "a part of the plan of rollout \(id)")
      }
      (host.name, host.address) = (visit.host, visit.address)
      plan.waves[visit.wave - 1].visits.append(
        PlannedVisit(host: host, certificates: certificates, wasUnreachable: visit.wasUnreachable))
    }
  }

  private static func decode<Part: Decodable & Sendable>(
    _ numbers: Set<Int>, of parts: [String]
  ) throws -> [Int: Part] {
    let numbers = numbers.filter(parts.indices.contains)
    let values: [Part] = try FleetJSON.decode(all: numbers.map { parts[$0] })
    return Dictionary(uniqueKeysWithValues: zip(numbers, values))
  }
}
