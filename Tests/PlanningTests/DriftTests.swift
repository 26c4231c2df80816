import Fleet
import Foundation
import Testing
import struct Fleet.Host

@testable import Planning

/// What a look at a disk comes to, where the state has been restored from an older copy.
@Suite struct DriftTests {
  private func certificate(_ generation: Int) -> Certificate {
    Certificate(
      lineage: "x", generation: Generation(generation), fingerprint: Fingerprint("f\(generation)"),
      serial: "1", names: ["x"], notBefore: .distantPast, notAfter: .distantFuture, issuedAt: .distantPast)
  }

  /// The state has brought generation 2 there and has issued a 3.
  private func disk(_ link: Int, _ fingerprint: String, _ key: SeenOnDisk.KeyFit) -> Sighting {
    let snapshot = PlanningSnapshot(
      hosts: [], lineages: [], policies: [], newest: ["x": certificate(3)], kept: ["h": ["x": certificate(2)]]
    )
    let seen = SeenOnDisk(
      link: .generation(Generation(link)),
      certificate: SeenCertificate(
        fingerprint: Fingerprint(fingerprint), names: ["x"], notBefore: .distantPast,
        notAfter: .distantFuture),
      key: key)
    return Sighting(
      of: seen, at: Date(), "x", on: "h", in: snapshot,
      known: ["f1": Generation(1), "f2": Generation(2), "f3": Generation(3)])
  }

  @Test func `what has the number of a generation that is stored, and is another, has drifted`() {
    #expect(disk(2, "f2", .yes).disk == .good && disk(3, "f3", .yes).disk == .good)
    // It kept the next rollout from putting its own there, and nothing told why.
    for key in [SeenOnDisk.KeyFit.yes, .no] { #expect(disk(3, "other", key).disk.drift?.kind == .other) }
    #expect(disk(2, "other", .yes).disk.drift?.kind == .other)
    #expect(disk(1, "f1", .yes).disk.drift?.kind == .older)
    // What a restored state does not know to have brought there, and what is broken of it.
    for key in [SeenOnDisk.KeyFit.no, .none] {
      #expect(disk(2, "f2", key).disk.drift?.kind == .damaged)
      #expect(disk(3, "f3", key).disk.drift?.kind == .damaged)
    }
    // Newer than all that is stored: it is not taken back.
    #expect(disk(4, "other", .yes).isTakenOver)
  }
}
