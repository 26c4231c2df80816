import Fleet
import Foundation
import Install
import Issuance
import PKI
import Reporting
import Storage
import System

extension Command {
  static let certShow = Command(
    words: ["cert", "show"],
    summary: "show all about a certificate: when it is renewed, what failed, who has it",
    operands: ["CERT"], options: [Option(name: "json", help: "as JSON")]
  ) { invocation in
    let session = try Session(invocation)
    var all: [CertificateDetails] = []
    for lineage in try await session.issuable(named: invocation.operands[0]) {
      all.append(try await session.details(of: lineage))
    }
    Console.standard.result(
      invocation.has("json")
        ? try JSONText.encode(all, as: .certificate)
        : all.map { $0.text(now: Date()) }.joined(separator: "\n"))
    return .converged
  }

  static let certExport = Command(
    words: ["cert", "export"],
    summary: "write a certificate and its key into a new or empty folder, as certbot names them",
    operands: ["CERT", "DIR"],
    options: [
      Option(name: "generation", value: "N", help: "another than the newest")
    ]
  ) { invocation in
    let session = try Session(invocation)
    let certificate = try await session.certificate(invocation)
    let folder = invocation.operands[1]
    let material = try await session.store.material(of: certificate.lineage, certificate.generation)
    let key: PrivateKey?
    if case .held(let held) = material.key { key = held } else { key = nil }
    // The key is to be nobody else's there; root writes into no folder that others could exchange.
    if geteuid() == 0, let flaw = SafePlace.flaw(of: folder) {
      throw BadInput("\(flaw.path) \(flaw.what); mend it: \(flaw.remedy); or choose another folder")
    }
    if let held = try? FileManager.default.contentsOfDirectory(atPath: folder), !held.isEmpty {
      throw BadInput("\(folder.visible) is not empty; choose an empty folder, or one that is not there yet")
    }
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    for file in try CertbotLayout.files(chain: material.chain, key: key) {
      let path = "\(folder)/\(file.name)"
      try write(file.content, mode: file.mode, to: path)
      Console.standard.result(path + "\n")
    }
    if key == nil {
      Console.standard.say(
        "certfleet: the private key is on \(certificate.lineage.host?.rawValue ?? "its host") alone")
    }
    return .converged
  }

  private static func write(_ content: Secret, mode: String, to path: String) throws {
    let descriptor = open(
      path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode_t(mode, radix: 8) ?? 0o600)
    guard descriptor >= 0 else {
      let advice = errno == EEXIST ? "; choose an empty folder" : ""
      throw BadInput(
        "\(path.visible) cannot be written: \(String(cString: strerror(errno)).lowercased())\(advice)")
    }
    let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    try file.write(contentsOf: Data(content.reveal().utf8))
  }
}

extension Session {
  func details(of lineage: Lineage) async throws -> CertificateDetails {
    let generations = try await store.certificates(of: lineage.name)
    let advice = try await store.renewalAdvice()[lineage.name]
    let authority = try await store.declaration().issuers.first { $0.name == lineage.issuer }?.acme
    let backoff = try await authority.asyncMap { try await store.backoff(of: lineage.name, at: $0.directory) }
    return CertificateDetails(
      lineage: lineage, generations: generations, advice: advice,
      renewal: authority == nil ? nil : generations.last?.renewalMoment(advised: advice),
      backoff: backoff ?? nil, standings: try await store.standings().filter { $0.lineage == lineage.name })
  }

  /// The certificate that the operand and `--generation` name: the newest without it.
  func certificate(_ invocation: Invocation) async throws -> Certificate {
    let lineages = try await issuable(named: invocation.operands[0])
    guard lineages.count == 1 else {
      throw BadInput(
        "\(invocation.operands[0].visible) is another certificate on each host; name one, such as \(lineages.first?.name.rawValue ?? "CERT@HOST")"
      )
    }
    let all = try await store.certificates(of: lineages[0].name)
    guard let newest = all.last else {
      throw BadInput("\(lineages[0].name) has no certificate yet; run issues it")
    }
    guard let text = invocation["generation"] else {
      guard newest.withdrawnAt == nil else {
        throw BadInput(
          "hosts went back from generation \(newest.generation) of \(newest.lineage); say which is meant: --generation N"
        )
      }
      return newest
    }
    guard let certificate = all.first(where: { $0.generation.description == text }) else {
      throw BadInput(
        "\(lineages[0].name) has no generation '\(text.visible)'; the newest is \(newest.generation)")
    }
    return certificate
  }
}

extension Optional {
  fileprivate func asyncMap<Value>(_ transform: (Wrapped) async throws -> Value) async rethrows -> Value? {
    if let self { try await transform(self) } else { nil }
  }
}
