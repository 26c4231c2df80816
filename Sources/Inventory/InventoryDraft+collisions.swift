import Fleet

/// What meets on a host: deployments are declared by selectors, so only here is it seen.
extension InventoryDraft {
  func checkCollisions(beside known: FleetDeclaration) {
    let hosts = declaration.hosts + known.hosts
    var paths = WrittenPaths()
    for lineage in known.lineages {
      for deployment in lineage.deployments where !deployment.files.isEmpty {
        for host in hosts where deployment.selector.matches(host) {
          for file in deployment.files { _ = paths.claim(file, of: lineage.name, on: host.name) }
        }
      }
    }
    for lineage in declaration.lineages {
      guard let place = place(of: "certificates \(lineage.name)") else { continue }
      var first: [Host.Name: Int] = [:]
      for (index, deployment) in lineage.deployments.enumerated() {
        let deploy = place.at(".deploy[\(index)]")
        if lineage.key.place == .host { deploy.refuseFormatsWithKey(deployment.files) }
        guard lineage.deployments.count > 1 || !deployment.files.isEmpty else { continue }
        let picked = hosts.filter(deployment.selector.matches)
        if let (host, other) = picked.lazy.compactMap({ host in first[host.name].map { (host, $0) } })
          .first(where: { lineage.deployments[$0.1].policy != deployment.policy })
        {
          deploy.fail(
            "picks \(host.name), as deploy[\(other)] does, with another rollout; a host is visited once for a certificate: name the same rollout in both"
          )
        }
        if let layout = deployment.layout,
          let (host, other) = picked.lazy.compactMap({ host in first[host.name].map { (host, $0) } })
            .first(where: { lineage.deployments[$0.1].layout.map { $0 != layout } ?? false })
        {
          deploy.at(".layout").fail(
            "is another than that of deploy[\(other)], which picks \(host.name), too; a host has one key")
        }
        for host in picked { first[host.name] = first[host.name] ?? index }
        for (number, file) in deployment.files.enumerated() {
          if deployment.files[..<number].contains(file) {
            deploy.at(".files[\(number)]").fail("is there twice; remove one")
          } else if let collision = picked.lazy.compactMap({
            paths.claim(file, of: lineage.name, on: $0.name)
          }).first {
            deploy.at(".files[\(number)]").fail(collision)
          }
        }
      }
    }
  }
}

/// Who writes which path on which host.
private struct WrittenPaths {
  private var writers: [Host.Name: [String: (lineage: Lineage.Name, file: FileInstallation)]] = [:]

  /// Two deployments may ask for the same file of the same certificate.
  ///
  /// - Returns: why it cannot be written there.
  mutating func claim(_ file: FileInstallation, of lineage: Lineage.Name, on host: Host.Name) -> String? {
    for path in file.paths {
      if let other = writers[host]?[path], other != (lineage, file) {
        let whose = other.lineage == lineage ? "another of its files" : "certificate \(other.lineage)"
        return "writes '\(path.visible)' on \(host), and so does \(whose); each needs a path of its own"
      }
      writers[host, default: [:]][path] = (lineage, file)
    }
    return nil
  }
}

extension InventoryNode {
  /// A host that makes its own key tells nobody, so what only the controller could make of it cannot be made.
  fileprivate func refuseFormatsWithKey(_ files: [FileInstallation]) {
    for (number, file) in files.enumerated() where !file.format.canHaveKeyOfHost {
      if file.format == .der, file.keyPath == nil { continue }
      at(".files[\(number)].format").fail(
        "\(file.format.rawValue) is made with the private key, which stays on the host here; pem, fullchain and haproxy do without"
      )
    }
  }
}
