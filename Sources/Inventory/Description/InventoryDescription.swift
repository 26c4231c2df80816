/// What may stand in an inventory: for the manual page `certfleet-inventory(5)` and the JSON Schema. A test compares the keys with
/// those that are read.
package struct InventoryDescription: Sendable {
  /// The whole file, then what stands in it, outermost first.
  package let objects: [Object]

  /// An object and its keys.
  package struct Object: Sendable {
    /// For references inside the description.
    package let name: String
    package let title: String
    package let members: [Member]
  }

  package struct Member: Sendable {
    package let key: String
    package let kind: Kind
    package let help: String
    package let isRequired: Bool
  }

  /// What a value is.
  package indirect enum Kind: Sendable {
    /// A text; `what` says of which kind, and the pattern holds for every one of them (ECMA 262).
    case text(_ what: String, pattern: String? = nil)
    case flag
    case number(ClosedRange<Int>)
    case oneOf([String])
    case object(String)
    /// Names and texts that people choose, such as labels.
    case texts
    case list(Kind)
    /// One alone stands for a list of itself.
    case oneOrList(Kind)
    case either([Kind])
  }

  package static let standard = InventoryDescription(
    objects: [file] + hostObjects + issuerObjects + certificateObjects + deploymentObjects + rolloutObjects
      + tellingObjects)

  private static let file = Object(
    "inventory", "A file, or one of several in a folder",
    [
      .key("$schema", .text("URL"), "the JSON Schema of this file, for editors; it is not read"),
      .key("defaults", .object("defaults"), "what hosts have that do not say otherwise; in one file alone"),
      .key("hosts", .list(.object("host")), "the machines that certificates go to"),
      .key("issuers", .list(.object("issuer")), "where certificates come from"),
      .key("certificates", .list(.object("certificate")), "what is issued, and where it goes"),
      .key("rollouts", .list(.object("rollout")), "in which order, and how carefully"),
      .key("notify", .list(.object("notifier")), "who hears of what needs a person"),
      .key("metrics", .object("metrics"), "figures for Prometheus"),
      .key("history", .object("history"), "how long what happened stays in the database"),
    ])
}

extension InventoryDescription.Object {
  init(_ name: String, _ title: String, _ members: [InventoryDescription.Member]) {
    (self.name, self.title, self.members) = (name, title, members)
  }
}

extension InventoryDescription.Member {
  static func key(_ key: String, _ kind: InventoryDescription.Kind, _ help: String) -> Self {
    Self(key: key, kind: kind, help: help, isRequired: false)
  }

  /// A key that must be there.
  static func must(_ key: String, _ kind: InventoryDescription.Kind, _ help: String) -> Self {
    Self(key: key, kind: kind, help: help, isRequired: true)
  }
}

extension InventoryDescription.Kind {
  static let name = Self.text("name", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$")
  static let duration = Self.text("duration", pattern: "^([0-9.e-]+(d|h|m|s|ms))+$")
  static let selector = Self.text("selector")
  static let path = Self.text("path")
  static let hostPath = Self.text("path on the host", pattern: "^(/|~/)")
  static let account = Self.text("account", pattern: "^[A-Za-z_][A-Za-z0-9_.-]{0,31}$")
  static let address = Self.text("host name or IP address", pattern: "^[^-@][^@]*$")
  static let port = Self.number(1...65535)
  static let hosts = Self.number(1...1000)
  static let share = Self.text("share", pattern: "^[0-9]{1,3}%$")
  static let budget = Self.either([.number(0...1_000_000), .share])
  static let interval = Self.either([.oneOf(["never"]), .duration])

  static func oneOf<Value: RawRepresentable & CaseIterable>(_ type: Value.Type) -> Self
  where Value.RawValue == String {
    .oneOf(type.allCases.map(\.rawValue))
  }
}
