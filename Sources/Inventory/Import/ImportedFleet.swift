package import Fleet

/// What somebody else's file says of a fleet, for an inventory that a person reads before it is applied.
package struct ImportedFleet: Hashable, Sendable {
  package var hosts: [ImportedHost] = []
  package var certificates: [ImportedCertificate] = []
  /// What was left out or understood in part.
  package private(set) var notes: [Note] = []

  /// What was not taken, and why; the same of many is one.
  package struct Note: Hashable, Sendable {
    package let what: String
    /// Hosts, certificates or lines.
    package fileprivate(set) var of: [String]
  }

  /// Hops by their name, until it is known which of them are hosts of the file.
  var pendingJumps: [String: ImportedHost] = [:]
  private var names: Set<String> = []
  /// Where the note of each kind stands, and of what it is already.
  private var places: [String: Int] = [:]
  private var noted: Set<Note> = []

  package init() {}

  package mutating func note(_ what: String, of name: String) {
    guard noted.insert(Note(what: what, of: [name])).inserted else { return }
    if let place = places[what] { return notes[place].of.append(name) }
    places[what] = notes.count
    notes.append(Note(what: what, of: [name]))
  }

  /// The machine that the certificates are on, where there are some.
  mutating func addThisMachine(_ name: String) {
    guard !certificates.isEmpty else { return }
    var host = ImportedHost(name: name)
    host.connection = .local
    add(host)
  }

  /// Adds a host whose name may stand in an inventory; the same name twice is a note.
  mutating func add(_ host: ImportedHost) {
    var host = host
    // As people write it for ssh, and as address plans do.
    if let at = host.name.lastIndex(of: "@"), host.user == nil {
      host.user = String(host.name[..<at])
      host.name = String(host.name[host.name.index(after: at)...])
    }
    host.address = host.address?.replacing(/\/[0-9]{1,3}$/, with: "")
    let name = ImportedHost.name(from: host.name)
    guard !name.isEmpty else { return note("has no name that could be one here", of: host.name) }
    if name != host.name {
      let isLost = host.address == nil && host.connection == nil && !host.name.isAddress
      note(
        "is called otherwise here, as a name has letters, digits, '.', '_' and '-'"
          + (isLost ? "; say what its address is" : ""), of: host.name)
      if host.address == nil, host.connection == nil, !isLost { host.address = host.name }
      host.name = name
    }
    if let address = host.address, !address.isAddress {
      note("has an address that is none: '\(address.shortened(to: 60))'; say where it is", of: name)
      host.address = nil
    }
    if let user = host.user, ImportedHost.name(from: user) != user {
      note("has a user that is no name: '\(user.shortened(to: 60))'", of: name)
      host.user = nil
    }
    host.labels = host.labels.filter { !$0.key.isEmpty && !$0.value.isEmpty }
    guard names.insert(name).inserted else {
      return note("stands there twice; the first is taken", of: name)
    }
    hosts.append(host)
  }
}

/// A host as it is to stand in an inventory: what is `nil` is not said.
package struct ImportedHost: Hashable, Sendable {
  package var name: String
  package var address: String?
  package var port: Int?
  package var user: String?
  package var become: Become?
  package var identity: String?
  package var via: String?
  package var connection: ConnectionKind?
  package var base: String?
  /// From certbot.
  var takesOver = false
  package var readsSSHConfig: SSHConfig?
  package var labels: [String: String] = [:]
  /// For whoever reads the inventory.
  package var comment: String?

  package enum SSHConfig: Hashable, Sendable {
    case standard
    case file(String)
  }

  package init(name: String) { self.name = name }

  /// Where several have no address of their own, their name is it.
  var reached: String { address ?? name }

  /// Such a name; empty where nothing is left of it.
  static func name(from text: String) -> String {
    let safe = text.unicodeScalars.map { $0.isNameCharacter ? String($0) : "-" }.joined()
    let trimmed = safe.drop { !($0.isLetter || $0.isNumber) }
    return String(trimmed.prefix(200))
  }

  /// A word that may be a label's name or value.
  static func labelWord(from text: String) -> String {
    text.unicodeScalars.map { $0.isNameCharacter || $0 == "/" ? String($0) : "-" }.joined()
  }
}

/// A certificate that another client has made on this machine, and that certfleet would issue and place from now on.
package struct ImportedCertificate: Hashable, Sendable {
  package var name: String
  package var domains: [String]
  /// The ACME directory.
  package var directory: String
  package var contact: String?
  package var keyType: KeyType?
  /// How it was proven; `nil` where that is not known.
  package var challenge: Proof?
  /// Where this machine's services read it.
  package var files: [File] = []
  package var reload: String?
  /// What ends the other client's renewals of it.
  package var release = ""
  /// Where it goes; empty is this machine, with `files` and `reload`.
  var deployments: [Deployment] = []

  struct Deployment: Hashable, Sendable {
    var selector: String
    var files: [File] = []
    var hooks: [String] = []
    /// certbot's folder of hooks.
    var hookDirectory: String?
    var ports: [DiscoveredCertificate.Port] = []
  }

  package enum Proof: Hashable, Sendable {
    case listener
    case webroot(String)
    /// Of the web servers of the hosts that it goes to.
    case hostWebroot(String)
    /// A company by lexicon's name for it, and what the other client calls it.
    case provider(String, from: String)
    case unknown(String)
  }

  /// One place, as `files` of a deployment has it.
  package enum File: Hashable, Sendable {
    case pair(certificate: String, key: String)
    case fullChain(String)
    /// As a service has them; without a key, both are in one file.
    case placed(certificate: String, key: String?, owner: String?, group: String?, mode: String?)
  }
}

extension String {
  /// Whether it may be a host's address: a name, or an IP address.
  fileprivate var isAddress: Bool {
    !isEmpty && !hasPrefix("-") && count(where: { $0 == ":" }) != 1
      && unicodeScalars.allSatisfy { $0.isNameCharacter || $0 == ":" || $0 == "%" }
  }
}
