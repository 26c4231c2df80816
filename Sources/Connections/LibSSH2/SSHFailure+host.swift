import Engine
import Fleet
import SSH

extension SSHFailure {
  /// The same of a host on the way.
  func at(_ jump: Host.Name) -> SSHFailure {
    let why = "via \(jump): \(description)"
    return switch self {
    case .unreachable, .lost: .unreachable(why)
    case .busy: .busy(why)
    case .occupied: .occupied(why)
    case .exhausted: .exhausted(why)
    case .hostKey, .otherKeyType: .hostKey(why)
    case .authentication: .authentication(why)
    case .incompatible: .incompatible(why)
    case .unsupported: .unsupported(why)
    }
  }
}

extension ConnectFailure {
  init(_ failure: SSHFailure) {
    let isPassing =
      switch failure {
      case .unreachable, .busy, .occupied, .exhausted, .lost: true
      case .hostKey, .otherKeyType, .authentication, .incompatible, .unsupported: false
      }
    var isBusy = false
    switch failure {
    case .busy, .occupied: isBusy = true
    default: break
    }
    self.init(reason: failure.description, isPassing: isPassing, isBusy: isBusy)
  }
}
