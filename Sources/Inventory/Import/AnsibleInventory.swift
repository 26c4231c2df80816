import Fleet
package import FoundationEssentials

/// What `ansible-inventory --list` prints: groups with their hosts and children, and under `_meta` each host's variables, its groups'
/// merged into them.
package enum AnsibleInventory {
  package struct Malformed: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
  }

  /// - Throws: `Malformed`.
  package static func read(_ data: Data) throws -> ImportedFleet {
    guard let value = try? JSONDecoder().decode(JSONValue.self, from: data), case .object(let groups) = value
    else {
      throw Malformed(
        description:
          "is not what 'ansible-inventory --list' prints: expected a JSON object; write it with: ansible-inventory -i INVENTORY --list"
      )
    }
    guard case .object(let meta)? = groups["_meta"], case .object(let hostvars)? = meta["hostvars"] else {
      throw Malformed(
        description: "has no _meta.hostvars; write it with: ansible-inventory -i INVENTORY --list")
    }
    var fleet = ImportedFleet()
    let labels = groupsOfHosts(groups)
    // A host without any variable stands in its groups alone.
    let names = Set(hostvars.keys).union(labels.keys).sorted { $0.naturallyPrecedes($1) }
    for name in names {
      var variables: [String: JSONValue] = [:]
      if case .object(let own)? = hostvars[name] { variables = own }
      read(name, variables, labels[name] ?? [], into: &fleet)
    }
    if fleet.hosts.isEmpty, fleet.notes.isEmpty { throw Malformed(description: "holds no host") }
    fleet.addMissingJumps()
    return fleet
  }

  /// Of each host the groups that it is in, and those that these are in.
  private static func groupsOfHosts(_ groups: [String: JSONValue]) -> [String: Set<String>] {
    var parents: [String: Set<String>] = [:]
    var members: [String: Set<String>] = [:]
    for (group, value) in groups where group != "_meta" {
      guard case .object(let fields) = value else { continue }
      for child in fields.words("children") { parents[child, default: []].insert(group) }
      for host in fields.words("hosts") { members[host, default: []].insert(group) }
    }
    func ancestors(of group: String, seen: Set<String>) -> Set<String> {
      (parents[group] ?? []).subtracting(seen).reduce(into: [group]) {
        $0.formUnion(ancestors(of: $1, seen: seen.union([group])))
      }
    }
    return members.mapValues { own in
      own.reduce(into: Set()) { $0.formUnion(ancestors(of: $1, seen: [])) }.subtracting(["all", "ungrouped"])
    }
  }

  private static func read(
    _ name: String, _ variables: [String: JSONValue], _ groups: Set<String>, into fleet: inout ImportedFleet
  ) {
    var host = ImportedHost(name: name)
    func text(_ keys: String...) -> String? {
      for key in keys {
        guard let found = variables[key]?.word, !found.isEmpty else { continue }
        if found.contains("{{") || found.contains("{%") {
          fleet.note("\(key) is a template, which only Ansible can fill in; write its value", of: name)
          return nil
        }
        return found
      }
      return nil
    }
    switch text("ansible_connection") {
    case nil, "ssh", "paramiko", "paramiko_ssh", "smart", "ansible.builtin.ssh",
      "ansible.builtin.paramiko_ssh":
      break
    case "local", "ansible.builtin.local": host.connection = .local
    case let other?:
      return fleet.note("is reached by '\(other.visible)', which is not SSH: left out", of: name)
    }
    host.address = text("ansible_host", "ansible_ssh_host")
    if let port = text("ansible_port", "ansible_ssh_port") {
      host.port = Int(port).flatMap { (1...65535).contains($0) ? $0 : nil }
      if host.port == nil { fleet.note("ansible_port is no port", of: name) }
    }
    host.user = text("ansible_user", "ansible_ssh_user")
    host.identity = text("ansible_ssh_private_key_file", "ansible_private_key_file")
    host.become = become(name, variables, into: &fleet)
    for key in ["ansible_password", "ansible_ssh_pass", "ansible_ssh_password"] where variables[key] != nil {
      fleet.note("logs in with a password, which nobody is there to type at night: give it a key", of: name)
    }
    for key in ["ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_args"] {
      guard let words = text(key) else { continue }
      let read = SSHArguments(words)
      if let jumps = read.jumps { host.via = fleet.jump(along: jumps) }
      host.port = host.port ?? read.port
      host.user = host.user ?? read.user
      host.identity = host.identity ?? read.identity
      for other in read.rest { fleet.note("'\(other.visible)' in \(key) is not taken", of: name) }
    }
    if text("ansible_shell_type").map({ $0 != "sh" }) ?? false {
      fleet.note("has another shell than sh for Ansible; the agent is run by /bin/sh", of: name)
    }
    for group in groups { host.labels[ImportedHost.labelWord(from: group)] = "yes" }
    fleet.add(host)
  }

  private static func become(
    _ name: String, _ variables: [String: JSONValue], into fleet: inout ImportedFleet
  ) -> Become? {
    guard variables["ansible_become"]?.isYes ?? false else { return nil }
    if ["ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"].contains(where: {
      variables[$0] != nil
    }) {
      fleet.note(
        "sudo asks for a password there: write it into a file and name that: become: { password_file: … }",
        of: name)
    }
    let user = variables["ansible_become_user"]?.word.flatMap { $0 == "root" ? nil : $0 }
    switch variables["ansible_become_method"]?.word ?? "sudo" {
    case "sudo", "ansible.builtin.sudo": return Become(.sudo, user: user)
    case "doas", "community.general.doas": return Become(.doas, user: user)
    case let other:
      fleet.note("becomes root by '\(other.visible)'; sudo and doas are known here", of: name)
      return nil
    }
  }
}

extension [String: JSONValue] {
  fileprivate func words(_ key: String) -> [String] {
    switch self[key] {
    case .array(let items)?: items.compactMap(\.word)
    // As dynamic inventories have it: host → variables.
    case .object(let members)?: Array<String>(members.keys)
    default: []
    }
  }
}

extension JSONValue {
  /// A string, or a number as one; Ansible has both for a port.
  fileprivate var word: String? {
    switch self {
    case .string(let text): text
    case .number(let number) where number == number.rounded() && abs(number) < 1e15: String(Int(number))
    default: nil
    }
  }

  /// As YAML 1.1 and Ansible have it.
  fileprivate var isYes: Bool {
    switch self {
    case .bool(let isYes): isYes
    case .string(let text): ["yes", "true", "on", "y", "1"].contains(text.lowercased())
    case .number(let number): number == 1
    default: false
    }
  }
}
