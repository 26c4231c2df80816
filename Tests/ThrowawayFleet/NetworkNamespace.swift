import Foundation

/// A network that nobody else reaches, with a loopback device of its own (network_namespaces(7)): what runs there is a site.
package final class NetworkNamespace: Sendable {
  private let holder: Running

  package init() async throws {
    holder = try Running(
      try Program.find("unshare"), ["--net", "/bin/sh", "-c", "ip link set lo up && exec sleep 86400"],
      stdout: "/dev/null", stderr: "/dev/null")
    try await eventually("the network is there") { [self] in
      try await Program.run(
        try Program.find("nsenter"), inside + ["/bin/sh", "-c", "ip link show lo | grep -q UP"]
      ).status == 0
    }
  }

  private var inside: [String] { ["--target", "\(holder.id)", "--net", "--"] }

  package func start(
    _ path: String, _ arguments: [String], environment: [String: String] = [:], output: String
  ) throws -> Running {
    try Running(
      try Program.find("nsenter"), inside + [path] + arguments, environment: environment, stdout: output,
      stderr: output)
  }

  package func stop() async { await holder.stop() }
}
