#if PostgreSQL
  import Fleet

  /// Words of a controller that has lost what it had are not kept.
  extension Store {
    /// - Throws: `LeaseLost`, where another controller decides now. Where a state is one controller's alone nothing is asked.
    package func requireLease() throws {
      guard let sharing else { return }
      try transaction(.recording(chain)) {
        try database.run("SELECT require_lease(?)", [.integer(sharing.session.number)])
      }
    }

    /// What several share is recorded by who has it: a word of one that has lost it since is refused.
    func requireLease(for event: Event, epoch: Int?) throws {
      guard let sharing, let rollout = event.subject.rollout else { return }
      switch event.kind {
      case .instructed, .note: return
      case .visitEnded, .visitStarted, .revertStarted, .step, .rolloutStarted, .rolloutMoved, .rolloutEnded,
        .waveStarted, .waveMoved, .waveEnded:
        break
      }
      if let epoch, let host = event.subject.host {
        try database.run(
          "SELECT require_task(?, ?, ?)", [.integer(rollout.number), .text(host.rawValue), .integer(epoch)])
      } else {
        try database.run("SELECT require_lease(?)", [.integer(sharing.session.number)])
      }
    }

    /// The visit has ended: its task is done.
    func endTask(of event: Event) throws {
      guard case .visitEnded = event.kind, sharing != nil, let rollout = event.subject.rollout,
        let host = event.subject.host
      else { return }
      try database.run(
        "DELETE FROM visit_task WHERE rollout = ? AND host = ?",
        [.integer(rollout.number), .text(host.rawValue)])
    }
  }
#endif
