import Fleet
package import FoundationEssentials

/// How a result is printed. A new format is a case here, and a file in Formats.
package enum Output: Sendable {
  case text, json

  /// - Parameters:
  ///   - now: what moments are told relative to.
  ///   - screen: where text goes.
  package func render<Value: Report>(_ report: Value, now: Date = Date(), on screen: Screen = .plain) throws
    -> String
  {
    switch self {
    case .text: report.text(now: now, on: screen)
    case .json: try JSONText.encode(report, as: Value.schema)
    }
  }

  package func render<Row: ReportRow>(_ rows: [Row], now: Date = Date()) throws -> String {
    switch self {
    case .text: Row.text(of: rows, now: now)
    case .json: try JSONText.encode(rows, as: Row.schema)
    }
  }
}

/// A value that people and programs are shown.
package protocol Report: Encodable {
  static var schema: JSONText.Schema { get }
  func text(now: Date) -> String
  func text(now: Date, on screen: Screen) -> String
}

extension Report {
  package func text(now: Date, on screen: Screen) -> String { text(now: now) }
}

/// One of a list of such values.
package protocol ReportRow: Encodable {
  static var schema: JSONText.Schema { get }
  static func text(of rows: [Self], now: Date) -> String
}
