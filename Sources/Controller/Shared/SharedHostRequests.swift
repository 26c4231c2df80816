#if PostgreSQL
  import Agents
  import Engine
  import Fleet
  import Issuance

  /// Asks hosts of sites that this controller does not serve by those that do.
  struct SharedHostRequests: HostRequests {
    let direct: DirectHostRequests
    let carrier: HostTaskCarrier
    let controller: Controller

    func run(_ task: AgentTask, on host: Host) async throws(AgentTaskRunner.Failure) -> String {
      guard let site = host.site, !controller.reaches(host) else {
        return try await direct.run(task, on: host)
      }
      switch await answer(to: .run(task, host.name), at: site) {
      case .done(let said): return said
      case .failed(let failure): throw failure
      case .notSeen(let why): throw AgentTaskRunner.Failure(description: why, isUnreachable: false)
      }
    }

    func look(for proof: Proof, on host: Host, port: UInt16) async throws(ProofFailure) {
      guard let site = host.site, !controller.reaches(host) else {
        return try await direct.look(for: proof, on: host, port: port)
      }
      switch await answer(to: .look(proof, host.name, port: port), at: site) {
      case .done: break
      case .failed(let failure): throw ProofFailure(failure.description)
      case .notSeen(let why): throw ProofFailure(why)
      }
    }

    private func answer(to task: HostTask, at site: String) async -> HostAnswer {
      do { return try await carrier.answer(to: task, at: site) } catch {
        return .failed(.init(description: "\(task.host): \(error)", isUnreachable: true))
      }
    }
  }
#endif
