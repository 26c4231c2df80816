/// A certificate on a host where it is not declared to go any more: it stays with its key, and nobody renews it.
package struct LeftOver: Hashable, Sendable {
  package let host: Host.Name
  package let lineage: Lineage.Name
  package let generation: Generation
  /// `nil` where this state does not know that generation.
  package let certificate: Certificate?

  package struct Place: Hashable, Sendable {
    package let host: Host.Name
    package let lineage: Lineage.Name

    package init(host: Host.Name, lineage: Lineage.Name) { (self.host, self.lineage) = (host, lineage) }
  }

  package var place: Place { Place(host: host, lineage: lineage) }

  package init(
    host: Host.Name, lineage: Lineage.Name, generation: Generation, certificate: Certificate?
  ) {
    (self.host, self.lineage) = (host, lineage)
    (self.generation, self.certificate) = (generation, certificate)
  }
}
