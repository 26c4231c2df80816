import Fleet
import FoundationEssentials

/// What people have written down already on this machine, and the command that takes it.
package enum FoundHere: Sendable, CaseIterable {
  case certbot, ansible, sshConfig, acmeSh, lego

  /// Where it is; `nil` where there is none.
  ///
  /// - Parameter home: the user's.
  package func place(home: String) -> String? {
    let places =
      switch self {
      case .certbot: ["/etc/letsencrypt/renewal"]
      case .ansible: ["/etc/ansible/hosts", "inventory.ini", "inventory.yml", "inventory.yaml"]
      case .sshConfig: [home + "/.ssh/config"]
      case .acmeSh: [home + "/.acme.sh"]
      case .lego: [home + "/.lego/certificates", ".lego/certificates"]
      }
    return places.first { FileManager.default.fileExists(atPath: $0) }
  }

  /// For a person: what was found, and what to type.
  package func line(at place: String) -> String {
    switch self {
    case .certbot: "certbot's certificates (\(place)): certfleet cert adopt"
    case .ansible:
      "an Ansible inventory (\(place)): ansible-inventory --list | certfleet host import --from-ansible - --write hosts.json5"
    case .sshConfig:
      "your ssh_config (\(place)): certfleet host import --from-ssh-config - --write hosts.json5"
    case .acmeSh:
      "acme.sh's certificates (\(place)): certfleet host import --from-acme-sh \(place) --write certs.json5"
    case .lego:
      "lego's certificates (\(place)): certfleet host import --from-lego \(place.dropLast("/certificates".count)) --write certs.json5"
    }
  }
}
