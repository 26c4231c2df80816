import Fleet
package import FoundationEssentials
import Glibc

/// RFC 8555 §6.7 and RFC 7807: what the server objects to.
package struct Problem: Error, Hashable, Sendable, Decodable {
  package let type: String
  package let detail: String
  /// RFC 8555 §6.7.1: one for each name that is at fault.
  package let subproblems: [Subproblem]
  /// The HTTP status of the answer that carried it, where there was one.
  package var status: Int?
  /// Not to be tried again before; §6.6 wants it with `rateLimited`.
  package var retryAfter: Date?
  /// Where a person has to go, as for new terms of service (§7.3.3).
  package let instance: String?

  package struct Subproblem: Hashable, Sendable, Decodable {
    package let type: String
    package let detail: String
    package let identifier: AcmeIdentifier?
  }

  init(type: String, detail: String, status: Int?) {
    self.type = type
    self.detail = detail
    self.subproblems = []
    self.status = status
    self.instance = nil
  }

  private enum Key: CodingKey { case type, detail, subproblems, status, instance }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    // RFC 7807 §3.1: an absent type is "about:blank".
    type = try values.decodeIfPresent(String.self, forKey: .type) ?? "about:blank"
    detail = try values.decodeIfPresent(String.self, forKey: .detail) ?? ""
    subproblems = try values.decodeIfPresent([Subproblem].self, forKey: .subproblems) ?? []
    status = try values.decodeIfPresent(Int.self, forKey: .status)
    instance = (try? values.decodeIfPresent(String.self, forKey: .instance)) ?? nil
  }

  /// The last part of an ACME error type: `badNonce` of `urn:ietf:params:acme:error:badNonce`.
  package var kind: String { type.split(separator: ":").last.map(String.init) ?? type }

  /// The server asks for fewer requests: RFC 8555 §6.6, RFC 6585 §4, or an overload with its end.
  package var isSlowDown: Bool {
    kind == "rateLimited" || status == 429 || status == 503 && retryAfter != nil
  }

  /// Whether it says nothing of the names that were asked for.
  package var isCAsFault: Bool {
    isSlowDown || concernsAccount || (status ?? 0) >= 500 || kind == "serverInternal"
  }

  /// The account cannot be used until a person has done something.
  package var concernsAccount: Bool {
    ["accountDoesNotExist", "userActionRequired", "externalAccountRequired"].contains(kind)
      || kind == "unauthorized" && [401, 403].contains(status ?? 0) && detail.lowercased().contains("account")
  }
}

extension Problem: CustomStringConvertible {
  package var description: String {
    var parts = subproblems.prefix(Self.mostShown).map { problem in
      (problem.identifier.map { "\($0.value.asSaid): " } ?? "") + problem.detail.asSaid
    }
    if subproblems.count > parts.count { parts.append("and \(subproblems.count - parts.count) more") }
    let place = instance.map { ", see \($0.asSaid)" } ?? ""
    return "\((detail.isEmpty ? kind : detail).asSaid) (\(kind.asSaid)\(place))"
      + (parts.isEmpty ? "" : "; " + parts.joined(separator: "; "))
  }

  /// Of its problems with single names.
  private static let mostShown = 20
}

/// RFC 8555 §9.7.7: what is to be certified.
package struct AcmeIdentifier: Hashable, Sendable, Codable {
  package let type: String
  package let value: String

  /// A DNS name, or an IP address (RFC 8738 §3).
  init(name: String) {
    type = Self.addressBytes(name) == nil ? "dns" : "ip"
    value = name
  }

  /// Whether it stands for an ordered name: names are compared without regard to case (RFC 4343), addresses by their bits, and
  /// for a wildcard the CA names the domain below it (RFC 8555 §7.1.3).
  package func means(_ name: String) -> Bool {
    let domain = name.hasPrefix("*.") ? String(name.dropFirst(2)) : name
    switch type {
    case "dns": return Self.addressBytes(domain) == nil && value.lowercased() == domain.lowercased()
    case "ip": return Self.addressBytes(value).map { $0 == Self.addressBytes(domain) } ?? false
    default: return false
    }
  }

  private static func addressBytes(_ text: String) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 16)
    if inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes.prefix(4)) }
    return inet_pton(AF_INET6, text, &bytes) == 1 ? bytes : nil
  }
}

extension String {
  /// What a CA says, as a line of ours can have it.
  var asSaid: String { String(prefix(2000)).visible.shortened(to: 500) }
}
