package import Fleet
package import FoundationEssentials

extension Drift {
  /// What is wrong with what was seen on a host's disk.
  ///
  /// - Parameters:
  ///   - expected: what the host was brought to.
  ///   - newest: the newest that is stored.
  ///   - known: every certificate of the lineage that is stored.
  /// - Returns: `nil` where it is as it should be, or newer than anything that is known here: that is no drift, and is never taken back.
  package init?(
    of expected: Certificate, newest: Generation, known: [Fingerprint: Generation], seen: SeenOnDisk
  ) {
    let link: Generation
    switch seen.link {
    case .nothing:
      self.init(.gone, "nothing is there")
      return
    case .other:
      self.init(
        .other, "the link is not certfleet's\(seen.certificate.map { ", and leads to \($0.words)" } ?? "")")
      return
    case .generation(let generation): link = generation
    }
    guard let certificate = seen.certificate else {
      self.init(.damaged, "cert.pem cannot be read")
      return
    }
    let generation = known[certificate.fingerprint]
    // A visit that was lost sight of, or that a backup does not know, has brought what comes after.
    let isLater = generation.map { $0 > expected.generation && $0 == link } ?? false
    if certificate.fingerprint == expected.fingerprint || isLater {
      switch seen.key {
      case .no: self.init(.damaged, "the key does not belong to the certificate")
      case .none: self.init(.damaged, "privkey.pem is missing or cannot be read")
      case .yes, .unknown, .unasked:
        guard !seen.flaws.isEmpty else { return nil }
        self.init(.damaged, seen.flaws.joined(separator: "; "))
      }
    } else if let generation {
      guard generation < expected.generation else { return nil }
      self.init(.older, "generation \(generation) is there")
    } else if link > max(expected.generation, newest) {
      return nil
    } else {
      self.init(.other, "\(certificate.words) is there")
    }
  }
}

extension SeenCertificate {
  /// For a person.
  package var words: String {
    let shown = names.prefix(2).joined(separator: ", ").visible
    let more = names.count > 2 ? " and \(names.count - 2) more" : ""
    return "a certificate for \(shown)\(more) until \(notAfter.ISO8601Format()) that is not known here"
  }
}

extension Sighting {
  /// What a look at a host's disk comes to.
  ///
  /// - Parameters:
  ///   - snapshot: what the state knew when the look began.
  ///   - known: every certificate of the lineage that is stored.
  package init(
    of seen: SeenOnDisk, at moment: Date, _ lineage: Lineage.Name, on host: Host.Name,
    in snapshot: PlanningSnapshot, known: [Fingerprint: Generation], endpoints: Answer = .unasked
  ) {
    self.init(host: host, lineage: lineage, at: moment, endpoints: endpoints, certificate: seen.certificate)
    if case .generation(let number) = seen.link { generation = number }
    key = seen.key
    let kept = snapshot.kept[host]?[lineage]
    let newest = snapshot.newest[lineage]?.generation ?? Generation(0)
    let hasKey = seen.certificate != nil && seen.key != .no && seen.key != .none
    let noKey = Drift(.damaged, "a generation is there that has no key that fits")
    // 0 is what stood there before certfleet, or was set aside.
    let isOurs = generation.map { $0 > Generation(0) } ?? false
    if isOurs, let generation {
      // What this state does not know of: it comes from a backup, or is a new one. Nothing older is brought there, whatever it is.
      let isStored = seen.certificate.map { known[$0.fingerprint] == generation } ?? false
      let isAhead = !isStored && generation > newest
      isTakenOver = isAhead || kept == nil && isStored && hasKey
      if isTakenOver { disk = hasKey ? .good : .drifted(noKey) }
    }
    guard !isTakenOver else { return }
    isForgotten = snapshot.unknown[host]?[lineage] != nil
    guard let kept else {
      // A generation of certfleet's that cannot be taken over as it is, and may be replaced.
      if isOurs, !hasKey { disk = .drifted(noKey) }
      return
    }
    disk = Drift(of: kept, newest: newest, known: known, seen: seen).map { .drifted($0) } ?? .good
  }
}
