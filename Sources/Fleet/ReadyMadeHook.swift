/// A hook that certfleet brings along, as an inventory names it: `@nginx`, `@systemd postfix`.
package struct ReadyMadeHook: Hashable, Sendable {
  package let service: Service
  /// Each is safe between single quotes.
  package let arguments: [String]

  package enum Service: String, Hashable, Sendable, CaseIterable {
    case nginx, apache, lighttpd, haproxy, stunnel, postfix, dovecot, prosody, mosquitto, redis, postgresql
    case mariadb, proftpd, systemd
  }

  /// What a command that begins with `@` has wrong with it.
  package struct Unreadable: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
  }

  /// - Throws: when the command begins with `@` and is no ready-made hook.
  /// - Returns: `nil` for a command of the user's own.
  package init?(_ command: String) throws(Unreadable) {
    guard command.hasPrefix("@") else { return nil }
    let words = command.dropFirst().split(separator: " ").map(String.init)
    guard let service = words.first.flatMap(Service.init) else {
      let known = Service.allCases.map { "@\($0.rawValue)" }.joined(separator: ", ")
      throw Unreadable(
        description: "'\(command.visible.shortened(to: 60))' is no ready-made hook; there are \(known)")
    }
    arguments = Array(words.dropFirst())
    if let bad = arguments.first(where: { !$0.utf8.allSatisfy(\.isArgumentByte) }) {
      throw Unreadable(
        description:
          "'\(bad.visible.shortened(to: 60))' cannot be an argument of @\(service.rawValue); write the command out"
      )
    }
    if service == .systemd, arguments.isEmpty {
      throw Unreadable(description: "@systemd needs the name of a unit: '@systemd postfix'")
    }
    self.service = service
  }
}

extension UInt8 {
  /// Whether it is one of what people call programs, units, files and options.
  package var isArgumentByte: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "-._/@:=+,~".utf8.contains(self)
    }
  }
}
