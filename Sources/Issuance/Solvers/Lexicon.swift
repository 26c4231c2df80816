import Fleet
import FoundationEssentials
import PKI
import System

/// RFC 8555 §8.4 by lexicon(1), which speaks to some eighty DNS companies, each in its own way.
struct Lexicon: Solver {
  let type = "dns-01"
  private let provider: DNSProvider
  private let propagation: Propagation

  private static let patience = Duration.seconds(120)

  init(_ provider: DNSProvider, _ challenge: Challenge.DNS01) {
    self.provider = provider
    propagation = Propagation(resolver: challenge.resolver, timeout: challenge.propagationTimeout)
  }

  func present(_ proof: Proof) async throws { try await run("create", proof) }

  func waitUntilVisible(_ proofs: [Proof]) async throws {
    for proof in proofs { try await propagation.wait(for: TXTRecord(of: proof)) }
  }

  /// This value alone: another order may have its own under the same name.
  func cleanUp(_ proof: Proof) async throws { try await run("delete", proof) }

  private func run(_ action: String, _ proof: Proof) async throws {
    let record = TXTRecord(of: proof)
    let name = try await propagation.target(of: record.name)
    let zone = try await propagation.zone(of: name)
    let credentials = try credentials()
    // The zone as it is delegated, and not as lexicon's list of public suffixes has it.
    let result = try await ChildProcess.program(
      "lexicon",
      [
        "--delegated", zone, provider.name, action, zone, "TXT", "--name", "\(name).",
        Self.content(record.value), "--output", "QUIET",
      ], environment: credentials, package: "lexicon", deadline: Self.patience
    ).run()
    guard result.status == 0, !result.timedOut else {
      throw ProofFailure("\(proof.domain): \(why(result, credentials))")
    }
  }

  /// In one word: one proof in 64 begins with a dash, as base64url has it.
  static func content(_ value: String) -> String { "--content=\(value)" }

  private func why(_ result: ChildProcess.Result, _ credentials: [String: String]) -> String {
    if result.timedOut { return "lexicon ran longer than \(Self.patience.short)" }
    if let known = result.stderr.firstMatch(of: /invalid choice: '[^']*' \(choose from (.*)\)/) {
      let names = known.1.split(separator: ",").map { $0.filter { $0.isLetter || $0.isNumber } }
      return
        "lexicon knows no provider '\(provider.name)'\(Nearest.suggestion(for: provider.name, among: names, otherwise: "; see: lexicon --help"))"
    }
    // An address that was asked may hold what it was asked with.
    let said = credentials.values.filter { $0.count > 3 }.reduce(result.lastLine) {
      $0.replacing($1, with: "***")
    }
    return
      "lexicon (\(provider.name)) failed: \(said.visible.shortened(to: 300)); check credentials_file, and what the zone's company lets it do"
  }

  /// The variables of the file, as sh(1) and systemd's `EnvironmentFile` have them.
  private func credentials() throws -> [String: String] {
    guard let path = provider.credentialsFile else { return [:] }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw ProofFailure(
        "\(path) cannot be read; it holds the variables of the DNS provider \(provider.name)")
    }
    var variables: [String: String] = [:]
    for line in String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline) {
      let text = String(line).trimmed
      guard !text.isEmpty, !text.hasPrefix("#") else { continue }
      guard let parts = text.wholeMatch(of: /(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)/),
        !parts.1.hasPrefix("LD_"), parts.1 != "PATH"
      else {
        throw ProofFailure(
          "\(path): a line is not NAME=value, such as LEXICON_\(provider.name.uppercased())_AUTH_TOKEN=…")
      }
      variables[String(parts.1)] = String(parts.2).unquoted
    }
    return variables
  }
}

extension String {
  fileprivate var unquoted: String {
    for quote in ["'", "\""] where count > 1 && hasPrefix(quote) && hasSuffix(quote) {
      return String(dropFirst().dropLast())
    }
    return self
  }
}
