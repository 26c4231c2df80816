import Controller
import Fleet
import FoundationEssentials
import Inventory

extension Command {
  static let hostImport = Command(
    words: ["host", "import"],
    summary: "write the inventory of a fleet that is written down elsewhere; nothing is applied",
    options: [
      Option(
        name: "from-ansible", value: "FILE",
        help: "what 'ansible-inventory --list' prints; '-' is standard input"),
      Option(name: "from-ssh-config", value: "FILE", help: "the hosts of an ssh_config; '-' is your own"),
      Option(
        name: "from-csv", value: "FILE",
        help: "a table; its first line names the columns: name, address, user, …"),
      Option(
        name: "from-acme-sh", value: "FOLDER", help: "acme.sh's certificates on this machine: ~/.acme.sh"),
      Option(name: "from-lego", value: "FOLDER", help: "lego's certificates on this machine: .lego"),
      Option(name: "from-certbot", value: "FOLDER", help: "certbot's are taken over as they are: cert adopt"),
      Option(name: "write", value: "FILE", help: "write the inventory there, and not to standard output"),
    ]
  ) { invocation in
    let source = try invocation.importSource()
    let fleet = try source.read()
    let text = fleet.inventory(from: source.words)
    let console = Console.standard
    let certificates = fleet.certificates.count
    console.say(
      "understood: \(fleet.hosts.count) host\(fleet.hosts.count == 1 ? "" : "s")"
        + (certificates == 0 ? "" : ", \(certificates) certificate\(certificates == 1 ? "" : "s")")
        + (fleet.hosts.isEmpty ? "" : ": \(HostSet.folded(fleet.hosts.map { Host.Name($0.name) }))"))
    if !fleet.notes.isEmpty {
      console.say("not taken, or not as it was:")
      for line in fleet.noteLines { console.say("  \(line)") }
    }
    guard let file = invocation["write"] else {
      console.result(text)
      return .converged
    }
    try Controller.write(new: file, text)
    console.result("\(file) is written; read it, then: \(Remedy.applyFile(file))\n")
    return .converged
  }
}

extension Invocation {
  fileprivate func importSource() throws -> FleetImport {
    let readers: [(String, (String) -> FleetImport)] = [
      ("from-ansible", FleetImport.ansible), ("from-ssh-config", FleetImport.sshConfig),
      ("from-csv", FleetImport.csv),
      ("from-acme-sh", FleetImport.acmeSh), ("from-lego", FleetImport.lego),
    ]
    if let folder = self["from-certbot"] {
      throw UsageError(
        message:
          "certbot's certificates are taken over as they are, with their hooks: \(Remedy.adopt(folder: folder.visible, lineage: ""))",
        command: command)
    }
    let chosen = readers.compactMap { name, source in self[name].map(source) }
    guard chosen.count == 1 else {
      throw UsageError(
        message: chosen.isEmpty
          ? "say where your fleet is written down: --from-ansible, --from-ssh-config, --from-csv, --from-acme-sh or --from-lego"
          : "one source at a time", command: command)
    }
    return chosen[0]
  }
}
