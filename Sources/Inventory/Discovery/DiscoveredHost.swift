package import Fleet
import PKI

/// What a host has today that has to do with certificates, as far as it was understood.
package struct DiscoveredHost: Sendable {
  package let host: Host
  package private(set) var certificates: [DiscoveredCertificate] = []
  /// What was not understood.
  package private(set) var notes: [String] = []
  private let uses: [ServiceConfiguration.Use]
  private let clients: [(file: String, client: DiscoveredCertificate.Client)]
  /// Whether certbot runs programs for all of its certificates.
  let hasDirectoryHooks: Bool
  /// Where something listens, or is to by a configuration.
  package let ports: [Int]

  /// - Parameter survey: what the host told at first.
  package init(_ host: Host, survey: [ToldByHost]) {
    self.host = host
    let services = survey.map { ServiceConfiguration($0) }
    uses = services.flatMap(\.uses)
    clients = survey.compactMap { file in
      DiscoveredCertificate.Client(file).map { ($0.certificateFile, $0) }
    }
    ports = Set(services.flatMap(\.ports)).union(
      survey.filter { $0.kind == .listening }.flatMap { ListeningPorts($0.text, at: host.address).all }
    ).sorted()
    hasDirectoryHooks = survey.contains { $0.kind == .certbot && $0.path.hasSuffix("/renewal-hooks") }
    notes = services.flatMap(\.notes)
    for (_, client) in clients {
      for other in client.others {
        notes.append(
          "\(client.name): \(client.program.rawValue) runs its \(other.shortened(to: 100)), which is not written here"
        )
      }
    }
    for file in survey where file.kind == .tooLong {
      notes.append("\(file.path) says more than is read here; look there yourself")
    }
    let hidden = survey.filter { $0.kind == .unreadable }.map(\.path)
    if !hidden.isEmpty {
      notes.append(
        "cannot be read by the login: \(hidden.prefix(3).joined(separator: ", "))\(hidden.count > 3 ? " and \(hidden.count - 3) more" : "")\(host.become == nil ? "; with become: true more is seen" : "")"
      )
    }
  }

  /// The files that may have certificates, and the keys beside them.
  package var files: (certificates: [String], keys: [String]) {
    let keys = Set(uses.compactMap(\.key))
    return (
      Set(uses.map(\.certificate) + clients.map(\.file)).subtracting(keys).sorted(), keys.sorted()
    )
  }

  /// - Parameter told: what the files are that were asked for.
  package mutating func take(_ told: [ToldByHost]) {
    var ownerships: [String: Ownership] = [:]
    // A link stays one, and what it leads to is what is written.
    var targets: [String: String] = [:]
    var found: [Fingerprint: DiscoveredCertificate] = [:]
    for file in told where file.kind == .file {
      let parts = file.text.split(separator: "\n", maxSplits: 1).map(String.init)
      let words = (parts.first ?? "").split(separator: " ", maxSplits: 3).map(String.init)
      if words.count >= 3, words[0] != "-" {
        ownerships[file.path] = Ownership(mode: words[0], owner: words[1], group: words[2])
      }
      if words.count == 4, words[3].hasPrefix("/") { targets[file.path] = words[3] }
      guard parts.count > 1, let chain = try? CertificateChain(pem: parts[1]),
        let one = DiscoveredCertificate(chain.leaf)
      else { continue }
      let uses = uses.filter { use in
        use.certificate == file.path || file.path.hasPrefix(use.certificate + "/")
      }
      let client = clients.first { $0.file == file.path }?.client
      guard !uses.isEmpty || client != nil else { continue }
      var certificate = found[one.fingerprint] ?? one
      certificate.uses += uses.map {
        .init(service: $0.service, certificate: file.path, key: $0.key, ownership: nil)
      }
      certificate.client = certificate.client ?? client
      found[one.fingerprint] = certificate
    }
    for file in told where file.kind == .unreadable {
      notes.append("cannot be read by the login: \(file.path)")
    }
    let read = Set(told.map(\.path))
    for use in uses
    where !read.contains(use.certificate) && !read.contains(where: { $0.hasPrefix(use.certificate + "/") }) {
      notes.append("\(use.service) names \(use.certificate), which is not there")
    }
    certificates = found.values.map { certificate in
      var certificate = certificate
      for index in certificate.uses.indices {
        let use = certificate.uses[index]
        certificate.uses[index] = .init(
          service: use.service, certificate: targets[use.certificate] ?? use.certificate,
          key: use.key.map { targets[$0] ?? $0 }, ownership: ownerships[use.key ?? use.certificate])
      }
      certificate.uses = certificate.uses.uniqued
      return certificate
    }.sorted { $0.names.first ?? "" < $1.names.first ?? "" }
  }

  /// What the controller was shown at a port.
  package mutating func take(_ served: ServedLeaf, at question: TLSQuestion) {
    let port = DiscoveredCertificate.Port(number: Int(question.port), startTLS: question.startTLS)
    guard let index = certificates.firstIndex(where: { $0.fingerprint == served.fingerprint }) else {
      let note = "port \(question.port) serves \(served.words), and which service does that was not found"
      if !notes.contains(note) { notes.append(note) }
      return
    }
    if !certificates[index].ports.contains(port) { certificates[index].ports.append(port) }
  }
}
