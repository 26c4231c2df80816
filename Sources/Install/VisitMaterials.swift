package import Agents
import Engine
package import Fleet
import FoundationEssentials
package import PKI

/// Where certificates are kept, with their keys.
package protocol MaterialSource: Sendable {
  /// What was issued as that generation, opened.
  func material(of lineage: Lineage.Name, _ generation: Generation) async throws -> CertificateMaterial
}

/// What could not be made of a certificate for its hosts.
package struct InstallFailure: Error, CustomStringConvertible {
  package let description: String
}

/// The files of a visit's certificates: their keys are opened when the first visit with them begins and not before.
package struct VisitMaterials: Materials {
  private let cache: InstallFileCache

  package init(from source: any MaterialSource) { cache = InstallFileCache(source: source) }

  package func materials(for visit: PlannedVisit) async throws -> AgentRequest.Materials {
    var materials = AgentRequest.Materials(destinations: Self.destinations(of: visit))
    for certificate in visit.certificates where !certificate.isRetired {
      let made = try await cache.material(for: certificate)
      materials.files += made.files
      materials.hostKeys += made.hostKeys
      materials.publicKeys += made.publicKeys
    }
    return materials
  }

  /// Where further files go; they need no key to be known.
  package static func destinations(of visit: PlannedVisit) -> [AgentRequest.Destination] {
    visit.certificates.flatMap { certificate in
      certificate.files.flatMap { installation in
        installation.places.map { place in
          AgentRequest.Destination(
            lineage: certificate.lineage, parts: place.parts, path: place.path, mode: place.mode,
            owner: installation.owner, group: installation.group, allowances: installation.allowances)
        }
      }
    }
  }
}

/// Makes the files of certificates. Most hosts of a rollout get the same ones, and OpenSSL takes as long to read and write a
/// chain and its key as a login takes: so what was made last is there for the next host.
private actor InstallFileCache {
  private let source: any MaterialSource
  private var recent: [(of: Contents, made: Task<AgentRequest.Materials, any Error>)] = []
  private var lastUse = ContinuousClock.now
  private var isWatched = false

  /// Enough for hosts with several certificates; where each host has its own, no more keys than these are open.
  private static let most = 8
  /// There are keys in them: while a wave bakes or waits they are not in memory.
  private static let keptFor = Duration.seconds(1)

  init(source: any MaterialSource) { self.source = source }

  /// What the files depend on.
  private struct Contents: Hashable {
    let lineage: Lineage.Name
    let generation: Generation
    let fingerprint: Fingerprint
    let names: [String]
    /// A host that goes back has the key still.
    let isReturn: Bool
    let installations: [FileInstallation]
  }

  func material(for certificate: PlannedCertificate) async throws -> AgentRequest.Materials {
    let contents = Contents(
      lineage: certificate.lineage, generation: certificate.generation, fingerprint: certificate.fingerprint,
      names: certificate.domains, isReturn: certificate.isReturn,
      installations: certificate.files)
    lastUse = .now
    if let known = recent.first(where: { $0.of == contents }) { return try await known.made.value }
    let task = Task { [source] in try await Self.make(contents, from: source) }
    recent = [(contents, task)] + recent.prefix(Self.most - 1)
    forgetWhenIdle()
    do {
      return try await task.value
    } catch {
      // What was in the way may be gone for the next host.
      recent.removeAll { $0.made == task }
      throw error
    }
  }

  private func forgetWhenIdle() {
    guard !isWatched else { return }
    isWatched = true
    Task {
      while case let left = lastUse + Self.keptFor - .now, left > .zero { try await Task.sleep(for: left) }
      recent = []
      isWatched = false
    }
  }

  private static func make(_ contents: Contents, from source: any MaterialSource) async throws
    -> AgentRequest.Materials
  {
    var materials = AgentRequest.Materials()
    let stored = try await source.material(of: contents.lineage, contents.generation)
    try check(stored, against: contents)
    let key: PrivateKey?
    switch stored.key {
    case .held(let held): key = contents.isReturn ? nil : held
    case .onHost(let made):
      key = nil
      materials.hostKeys.append(
        AgentRequest.HostKey(lineage: contents.lineage, id: made.id, generation: contents.generation))
    }
    var files = try CertbotLayout.files(chain: stored.chain, key: key)
    for installation in contents.installations {
      files += try installation.files(
        lineage: contents.lineage, chain: stored.chain, key: key,
        password: try installation.passwordFile.map(password))
    }
    if key != nil { materials.publicKeys = [(contents.lineage, try stored.chain.leaf.publicKey())] }
    materials.files = unique(files).map { file in
      AgentRequest.File(
        lineage: contents.lineage, name: file.name, mode: file.mode, content: file.content.revealBytes())
    }
    return materials
  }

  /// What is about to be pushed is looked at as if it came from a stranger.
  private static func check(_ stored: CertificateMaterial, against contents: Contents) throws {
    do {
      let fingerprint = try stored.chain.leaf.fingerprint()
      guard fingerprint == contents.fingerprint else {
        throw CertificateChain.Refused(
          "it is \(fingerprint.short), and \(contents.fingerprint.short) was planned")
      }
      // A host that goes back is given what it had, however long that is good.
      let moment = contents.isReturn ? try stored.chain.leaf.notBefore() : Date()
      try stored.chain.check(key: stored.key, names: contents.names, at: moment)
    } catch let refused as CertificateChain.Refused {
      throw InstallFailure(
        description:
          "generation \(contents.generation) of \(contents.lineage) is not what was planned, and goes to no host: \(refused); restore the state from a backup, or order a new one: \(Remedy.renew(contents.lineage))"
      )
    }
  }

  /// Two installations may be made of the same file.
  private static func unique(_ files: [InstalledFile]) -> [InstalledFile] {
    var seen: Set<String> = []
    return files.filter { seen.insert($0.name).inserted }
  }

  /// As openssl's `-passin file:`: the first line.
  private static func password(at path: String) throws -> Secret {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8),
      let line = text.split(whereSeparator: \.isNewline).first
    else {
      throw InstallFailure(description: "the keystore's password cannot be read from '\(path.visible)'")
    }
    return Secret(String(line))
  }
}
