package import Connections
package import Fleet
package import Issuance
package import Reporting

/// What happens while the controller works, for whoever shows it.
package enum ControllerEvent: Sendable {
  case issuing(IssuingEvent)
  /// An event of a rollout, which is in the store now.
  case recorded(Event)
  /// Before a rollout's first event.
  /// Figures or a message did not get out; the next run tries again.
  case notTold(String)
  case rolloutBegins(Rollout.ID, Plan)
  /// One that a crash or a stop has left; the hosts that were being visited are asked.
  /// One that was begun earlier, as it stands.
  case rolloutGoesOn(Rollout.ID, Plan, RolloutLedger)
  case rolloutResumes(Rollout.ID)
  /// Another controller decides what is done; this one carries out what is handed to it.
  case takesPart(leader: String)
  /// The one that led was lost.
  case takesLead
  case rolloutStaysPaused(Rollout.ID, reason: String)
  /// Hosts whose last visit was lost sight of are asked how it ended.
  case asking([Host.Name], about: Rollout.ID)
  /// Certificates go to them, and they let nobody in.
  case leftOut([HostLeftOut])
  case ahead([HostAhead])
  /// One that was placed serves the certificate now.
  case nowServed(Host.Name, Lineage.Name)
  /// These have the certificate and serve another still.
  case placed([HostCertificateStatus])
  case deferred([DeferredHost])
  /// So many hosts are looked at.
  case looking(Int)
  /// What of it is not as it should be.
  case looked(LookReport)
  /// Hosts have what this state did not know.
  case takenOver([Sighting])
  /// Hosts that have drifted and are left as they are.
  case drifted([DriftedHost])
  /// So many hosts have drifted at once that a person is to look first.
  case massDrift(RolloutPolicy.Name, hosts: Int)
  case planWaits(RolloutPolicy.Name, PlanDelay)
  /// Hosts are to go back to it; it stays until the next one is issued.
  case wanted(Certificate, until: Generation?)
  case knownHosts(KnownHostsImport.Notice)

  /// Why a plan is not begun in this run.
  package enum PlanDelay: Hashable, Sendable {
    case lastRolloutNotGood
    case after(RolloutPolicy.Name)
  }
}
