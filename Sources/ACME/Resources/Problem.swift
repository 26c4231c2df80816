import Foundation

/// RFC 8555 §6.7 and RFC 7807: what the server objects to.
public struct Problem: Error, Hashable, Sendable, Decodable {
  public let type: String
  public let detail: String
  /// RFC 8555 §6.7.1: one for each name that is at fault.
  public let subproblems: [Subproblem]
  /// The HTTP status of the answer that carried it, where there was one.
  public var status: Int?

  public struct Subproblem: Hashable, Sendable, Decodable {
    public let type: String
    public let detail: String
    public let identifier: AcmeIdentifier?
  }

  init(type: String, detail: String, status: Int?) {
    self.type = type
    self.detail = detail
    self.subproblems = []
    self.status = status
  }

  private enum Key: CodingKey { case type, detail, subproblems, status }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    // RFC 7807 §3.1: an absent type is "about:blank".
    type = try values.decodeIfPresent(String.self, forKey: .type) ?? "about:blank"
    detail = try values.decodeIfPresent(String.self, forKey: .detail) ?? ""
    subproblems = try values.decodeIfPresent([Subproblem].self, forKey: .subproblems) ?? []
    status = try values.decodeIfPresent(Int.self, forKey: .status)
  }

  /// The last part of an ACME error type: `badNonce` of `urn:ietf:params:acme:error:badNonce`.
  public var kind: String { type.split(separator: ":").last.map(String.init) ?? type }
}

extension Problem: CustomStringConvertible {
  public var description: String {
    let parts = subproblems.map { problem in
      (problem.identifier.map { "\($0.value): " } ?? "") + problem.detail
    }
    return "\(detail.isEmpty ? kind : detail) (\(kind))"
      + (parts.isEmpty ? "" : "; " + parts.joined(separator: "; "))
  }
}

/// RFC 8555 §9.7.7: what is to be certified.
public struct AcmeIdentifier: Hashable, Sendable, Codable {
  public let type: String
  public let value: String

  public static func dns(_ name: String) -> AcmeIdentifier { AcmeIdentifier(type: "dns", value: name) }
}
