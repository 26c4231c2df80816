import Controller
import Fleet
import FoundationEssentials
import Reporting

extension Command {
  static let report = Command(
    words: ["report"], summary: "show what is not as it should be, each certificate, and what comes next",
    operands: ["[CERT...]"],
    options: [
      Option(name: "to", value: "SELECTOR", help: "only these hosts"),
      Option(name: "state", value: "STATE", help: "only what is \(FleetReport.State.allWords)"),
      Option(
        name: "output", letter: "o", value: "FORMAT",
        help: "\(FleetReport.Format.allWords); wide has a line for each host"),
      .json,
      Option(name: "live", help: "look at the hosts first"),
      Option(name: "check", help: "one line for Nagios, and its exit codes"),
      Option(name: "warning", value: "AGE", help: "with --check: how long before its end; default 20d"),
      Option(name: "critical", value: "AGE", help: "with --check: the same; default 7d"),
    ]
  ) { invocation in
    let controller = try invocation.controller()
    let filter = try invocation.reportFilter()
    if invocation.has("check") { return await invocation.check(by: controller, filter) }
    let format = try invocation.reportFormat()
    if invocation.has("live") {
      _ = try await controller.look(
        to: invocation["to"], certificates: filter.certificates.isEmpty ? nil : filter.certificates,
        onlyEndpoints: false)
    }
    if format == .html {
      Console.standard.result(try await controller.page(filter).html())
      return .converged
    }
    let report = try await controller.report(filter)
    let screen = format == .wide ? Screen.wide : Console.standard.screen
    Console.standard.result(try report.text(as: format, on: screen))
    return .converged
  }
}

extension Invocation {
  fileprivate func reportFilter() throws -> Controller.ReportFilter {
    let state = try self["state"].map { word in
      guard let state = FleetReport.State(rawValue: word) else {
        throw UsageError(
          message: "'\(word.visible)' is no state: \(FleetReport.State.allWords)", command: command)
      }
      return state
    }
    return Controller.ReportFilter(certificates: operands, selector: self["to"], state: state)
  }

  fileprivate func reportFormat() throws -> FleetReport.Format {
    if has("json") { return .json }
    guard let word = self["output"] else { return .text }
    guard let format = FleetReport.Format(rawValue: word) else {
      throw UsageError(
        message: "'\(word.visible)' is no format: \(FleetReport.Format.allWords)", command: command)
    }
    return format
  }

  /// Whatever happens is told as Nagios wants it.
  fileprivate func check(by controller: Controller, _ filter: Controller.ReportFilter) async -> ExitStatus {
    func age(_ option: String, _ standard: Duration) throws -> Duration {
      guard let text = self[option] else { return standard }
      guard let age = Duration(text: text) else {
        throw UsageError(
          message: "--\(option): '\(text.visible)' is no duration; for example 20d", command: command)
      }
      return age
    }
    do {
      let thresholds = FleetCheck.Thresholds(
        warning: try age("warning", .seconds(20 * 86400)), critical: try age("critical", .seconds(7 * 86400)))
      let check = FleetCheck(try await controller.report(filter), thresholds)
      Console.standard.result(check.line + "\n")
      return .checked(check.state)
    } catch {
      Console.standard.result("CERTFLEET UNKNOWN - \("\(error)".visible.shortened(to: 200))\n")
      return .checked(.unknown)
    }
  }
}
