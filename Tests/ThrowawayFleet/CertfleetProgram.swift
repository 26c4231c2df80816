import Foundation

/// The built certfleet, run as its users run it, with a home of its own.
package struct CertfleetProgram: Sendable {
  package let home: String
  package var environment: [String: String]

  package init(home: String) {
    self.home = home
    // The tests' own agent and keys must not help.
    environment = ["CERTFLEET_HOME": home, "SSH_AUTH_SOCK": "", "HOME": home]
  }

  /// Beside this very program: SwiftPM builds everything into one folder.
  package static var path: String {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(filePath: own).deletingLastPathComponent().appending(path: "certfleet").path(
      percentEncoded: false)
  }

  package func callAsFunction(_ arguments: String..., stdin: String = "") async throws -> Program.Result {
    try await Program.run(Self.path, arguments, environment: environment, stdin: stdin)
  }

  /// Runs it and insists that it ends well.
  ///
  /// - Returns: its stdout.
  @discardableResult
  package func succeed(_ arguments: String...) async throws -> String {
    try await Program.succeed(Self.path, arguments, environment: environment)
  }

  /// Starts it and does not wait.
  package func start(_ arguments: String..., output: String) throws -> Running {
    try Running(Self.path, arguments, environment: environment, stdout: output, stderr: output)
  }
}
