import Agents
import Engine
import Fleet
import FoundationEssentials
import Install
import PKI
import Planning
import Storage
import System

/// What looks at hosts have seen.
struct LookResult: Sendable {
  /// One for each certificate on each host that was looked at.
  var sightings: [Sighting] = []
  /// Hosts that let nobody in until a person has acted.
  var refused: [Host.Name: String] = [:]
  var unreachable: [Host.Name: String] = [:]
  /// Whose the bases are that say so.
  var controllers: [Host.Name: ControllerMark] = [:]
}

/// One look at several hosts, at what they have and what they serve. Nothing is changed there. It goes by what the state knew when it began.
struct Looking {
  private let snapshot: PlanningSnapshot
  private let known: [Lineage.Name: [Fingerprint: Generation]]
  private let publicKeys: [Lineage.Name: [Generation: [UInt8]]]
  private let placed: Set<Place>
  private let connector: any Connector
  private let identity: ControllerIdentity
  private let probe = TLSProbe()

  private struct Place: Hashable {
    let host: Host.Name
    let lineage: Lineage.Name
  }

  /// - Parameter only: the lineages to look at; `nil` for all.
  init(_ controller: Controller, only: Set<Lineage.Name>?) async throws {
    let store = controller.store
    snapshot = try await store.planningSnapshot(only: only)
    known = try await store.generationsByFingerprint()
    connector = try await controller.connector()
    identity = try await store.identity()
    placed = Set(
      try await store.statuses().filter { $0.lastEnd == .placed }.map {
        Place(host: $0.host, lineage: $0.lineage)
      })
    var keys: [Lineage.Name: [Generation: [UInt8]]] = [:]
    for certificate in snapshot.kept.values.flatMap(\.values)
    where keys[certificate.lineage]?[certificate.generation] == nil {
      let chain = try await store.chain(of: certificate.lineage, certificate.generation)
      keys[certificate.lineage, default: [:]][certificate.generation] = try chain?.leaf.publicKey() ?? []
    }
    publicKeys = keys
  }

  func run(at hosts: [Host]) async throws -> LookResult {
    let results = try await BoundedConcurrency.run(over: hosts, limit: Controller.hostsAtOnce) { host in
      await look(at: host)
    }
    return results.reduce(into: LookResult()) { all, one in
      all.sightings += one.sightings
      all.refused.merge(one.refused) { $1 }
      all.unreachable.merge(one.unreachable) { $1 }
      all.controllers.merge(one.controllers) { $1 }
    }
  }

  /// Only what they serve, without a login.
  func ask(_ hosts: [Host]) async throws -> LookResult {
    var result = LookResult()
    let answers = try await BoundedConcurrency.run(over: hosts, limit: Self.endpointsAtOnce) { host in
      let (lineages, begun) = (snapshot.lineages.filter { $0.goes(to: host) }, Date())
      return await endpoints(of: lineages, on: host).map { lineage, answer in
        Sighting(host: host.name, lineage: lineage, at: begun, endpoints: answer)
      }
    }
    result.sightings = answers.flatMap { $0 }
    return result
  }

  private static let endpointsAtOnce = 200

  private func look(at host: Host) async -> LookResult {
    let lineages = snapshot.lineages.filter { $0.goes(to: host) }
    guard !lineages.isEmpty else { return LookResult() }
    let begun = Date()
    async let served = endpoints(of: lineages, on: host)
    let certificates = lineages.map { Planner.expected($0, on: host, in: snapshot) }
    let look = AgentLook(
      at: host, certificates: certificates,
      destinations: VisitMaterials.destinations(of: PlannedVisit(host: host, certificates: certificates)),
      publicKeys: certificates.compactMap { certificate in
        publicKeys[certificate.lineage]?[certificate.generation].map { (certificate.lineage, $0) }
      })
    let answer = await HostLook(look, connector: connector, read: SeenCertificate.init(pem:)).run()
    let endpoints = await served
    var result = LookResult()
    switch answer {
    case .seen(let findings):
      if let mark = findings.controller {
        result.controllers[host.name] = mark
        if mark.id != identity.id {
          let reason =
            "its base belongs to \(mark.words); if it is this one's now, take it over: \(Remedy.claimHost(host.name))"
          result.refused[host.name] = reason
          result.sightings = unseen(lineages, on: host, reason, endpoints, begun)
          return result
        }
      }
      for lineage in lineages {
        let seen = findings.seen[lineage.name] ?? SeenOnDisk(link: .nothing)
        var sighting = Sighting(
          of: seen, at: begun, lineage.name, on: host.name, in: snapshot, known: known[lineage.name] ?? [:],
          endpoints: endpoints[lineage.name] ?? .unasked)
        let questions = lineage.questions(to: host)
        if sighting.isTakenOver, let certificate = sighting.certificate, !questions.isEmpty {
          sighting.endpoints = await self.answer(of: host, to: questions, expecting: certificate.fingerprint)
        }
        result.sightings.append(sighting)
      }
    case .refused(let reason), .unreachable(let reason):
      if case .refused = answer {
        result.refused[host.name] = reason
      } else {
        result.unreachable[host.name] = reason
      }
      result.sightings = unseen(lineages, on: host, reason, endpoints, begun)
    }
    return result
  }

  private func unseen(
    _ lineages: [Lineage], on host: Host, _ reason: String, _ endpoints: [Lineage.Name: Sighting.Answer],
    _ begun: Date
  ) -> [Sighting] {
    lineages.map {
      Sighting(
        host: host.name, lineage: $0.name, at: begun, disk: .unseen(reason),
        endpoints: endpoints[$0.name] ?? .unasked)
    }
  }

  /// Whether a host serves what it was brought to, by the lineages that say where that is seen.
  private func endpoints(of lineages: [Lineage], on host: Host) async -> [Lineage.Name: Sighting.Answer] {
    var answers: [Lineage.Name: Sighting.Answer] = [:]
    for lineage in lineages {
      let questions = lineage.questions(to: host)
      // One that was placed is asked by itself, until it serves ours.
      let has = snapshot.kept[host.name]?[lineage.name] ?? snapshot.onHosts[host.name]?[lineage.name]
      guard let has, !questions.isEmpty,
        !placed.contains(Place(host: host.name, lineage: lineage.name))
      else { continue }
      answers[lineage.name] = await answer(of: host, to: questions, expecting: has.fingerprint)
    }
    return answers
  }

  private func answer(
    of host: Host, to questions: [TLSQuestion], expecting expected: Fingerprint
  ) async -> Sighting.Answer {
    for question in questions {
      do {
        let served = try await probe.served(by: host, at: question, expecting: expected)
        guard served.fingerprint == expected else {
          return .drifted(Drift(.notServed, "port \(question.port) serves \(served.words)"))
        }
      } catch { return .unseen("port \(question.port) does not answer: \(error.reason)") }
    }
    return .good
  }
}

extension SeenCertificate {
  /// `nil` for what is no certificate.
  fileprivate init?(pem: String) {
    guard let leaf = try? CertificateChain(pem: pem).leaf, let fingerprint = try? leaf.fingerprint(),
      let notBefore = try? leaf.notBefore(), let notAfter = try? leaf.notAfter()
    else { return nil }
    self.init(fingerprint: fingerprint, names: leaf.names, notBefore: notBefore, notAfter: notAfter)
  }
}
