import Fleet

extension InventoryNode {
  func hooks() -> Hooks? {
    object { fields in
      let (pre, deploy, post, retire) = (fields["pre"], fields["deploy"], fields["post"], fields["retire"])
      let directories = fields["directories"]?.listOrOne().compactMap { $0.hostPath() }
      let isCoalesced = fields["coalesce"]?.bool()
      let hooks = Hooks(
        pre: pre?.hookList() ?? [], deploy: deploy?.hookList() ?? [], post: post?.hookList() ?? [],
        retire: retire?.hookList() ?? [],
        directories: directories ?? [], isCoalesced: isCoalesced ?? false)
      if hooks.deploy.contains(where: { $0.place == .controller }) {
        deploy?.fail("deploy hooks run on the hosts; on: 'controller' is for pre and post, beside a wave")
      }
      return hooks
    }
  }

  private func hookList() -> [Hook] { listOrOne().compactMap { $0.hostHook() } }

  /// A hook of a deployment: a command, or an object with one and how it is to run.
  private func hostHook() -> Hook? {
    guard case .object = value else { return deploymentCommand().map { Hook(command: $0) } }
    return object { fields in
      let command = fields.required("run")?.deploymentCommand()
      let timeout = fields["timeout"].map { $0.timeLimit() } ?? Hook.standardTimeout
      let user = fields["user"]
      let place = fields["on"].map { $0.choice(Hook.Place.self) } ?? .host
      let onFailure = fields["on_failure"].map { $0.choice(Hook.FailurePolicy.self) } ?? .stop
      let environment = fields["environment"].map { $0.environment() } ?? [:]
      if place == .controller { user?.fail("runs on hosts; on the controller a hook runs as certfleet does") }
      if place == .controller, command?.hasPrefix("@") == true {
        fields["run"]?.fail("ready-made hooks are for hosts; write the command out")
      }
      guard let command, let timeout, let place, let onFailure, let environment else { return nil }
      return Hook(
        command: command, timeout: timeout, user: user?.accountName(), place: place, onFailure: onFailure,
        environment: environment)
    }
  }

  /// A command with its deadline, for what runs on the controller in issuing.
  func hook(_ standardTimeout: Duration = Hook.standardTimeout) -> Hook? {
    guard case .object = value else {
      return hookCommand().map { Hook(command: $0, timeout: standardTimeout) }
    }
    return object { fields in
      let command = fields.required("run")?.hookCommand()
      let timeout = fields["timeout"].map { $0.timeLimit() } ?? standardTimeout
      guard let command, let timeout else { return nil }
      return Hook(command: command, timeout: timeout)
    }
  }

  /// A duration that something can be done in.
  func timeLimit() -> Duration? {
    guard let limit = duration() else { return nil }
    guard limit >= .seconds(1) else { return refuse("\(value.shown) is no time to run in; 1s is the least") }
    guard limit <= .seconds(86400) else { return refuse("\(value.shown) is longer than a day") }
    return limit
  }

  private func deploymentCommand() -> String? {
    guard let text = hookCommand() else { return nil }
    do {
      _ = try ReadyMadeHook(text)
      return text
    } catch { return refuse(error.description) }
  }

  func hookCommand() -> String? {
    guard let text = string() else { return nil }
    guard !text.allSatisfy(\.isWhitespace) else { return refuse("a hook cannot be empty") }
    guard !text.unicodeScalars.contains("\0") else { return refuse("a hook cannot hold the character NUL") }
    // One argument of a program may have 128 KiB (execve(2)), and the agent puts a line of its own before the hook.
    guard text.utf8.count <= 130_000 else {
      return refuse(
        "the hook is \(text.utf8.count) bytes long; put it in a file on the host, 130000 are allowed")
    }
    return text
  }

  /// Variables for a hook, by names that a shell can hold (POSIX XBD 8.1).
  private func environment() -> [String: String]? {
    guard case .object(let members) = value else { return refuse("expected an object, got \(value.shown)") }
    var environment: [String: String] = [:]
    for (name, member) in members.sorted(by: { $0.key < $1.key }) {
      let node = child(member, ".\(name.visible)")
      guard let text = node.string() else { continue }
      if name.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_]*/) == nil {
        node.fail("'\(name.visible)' is not a variable's name; use letters, digits and '_', no digit first")
      } else if Self.reservedVariables.contains(name)
        || ["LD_", "RENEWED_", "FAILED_", "CERTFLEET_", "certfleet_"].contains(where: name.hasPrefix)
      {
        node.fail("'\(name)' is set by the system or by certfleet, and a hook's inventory must not change it")
      } else if text.unicodeScalars.contains("\0") {
        node.fail("a variable cannot hold the character NUL")
      } else if text.utf8.count > 32 << 10 {
        node.fail("the value is \(text.utf8.count) bytes long, 32768 are allowed")
      } else {
        environment[name] = text
      }
    }
    return environment
  }

  private static let reservedVariables: Set<String> = [
    "PATH", "IFS", "OPTIND", "ENV", "BASH_ENV", "SHELL", "HOME", "USER", "LOGNAME", "PS4", "SHELLOPTS",
    "BASHOPTS",
  ]
}
