import Fleet
import FoundationEssentials
import Glibc

/// Where a PostgreSQL database is, as libpq takes it (postgresql.org/docs/current/libpq-connect.html, connection URIs):
/// `postgresql://USER@HOST:PORT/NAME?PARAMETER=VALUE`.
package struct PostgreSQLAddress: Hashable, Sendable, CustomStringConvertible {
  /// It has no password in it.
  package let description: String

  package static func isOne(_ text: String) -> Bool {
    text.hasPrefix("postgresql://") || text.hasPrefix("postgres://")
  }

  /// A server that may not be who it says it is gets no keys, and a password in a URL is seen by others.
  package struct Unusable: Error, Hashable, CustomStringConvertible {
    package let description: String
  }

  package init(_ text: String) throws {
    guard Self.isOne(text) else {
      // There may be a password in it.
      let shown = text.contains(where: "=@".contains) ? "what is given" : "'\(text.visible)'"
      throw Unusable(description: "\(shown) is no address of a database; write postgresql://USER@HOST/NAME")
    }
    description = text
    #if PostgreSQL
      _ = try parameters
    #else
      throw Unusable(
        description:
          "this certfleet was built without PostgreSQL; take the Debian package, or build it with 'make release' where libpq-dev is installed"
      )
    #endif
  }
}

#if PostgreSQL
  import CPostgreSQL

  extension PostgreSQLAddress {
    /// What libpq is given: what the address says, and what is true of every connection of ours.
    var parameters: [(name: String, value: String)] {
      get throws {
        var said = try parsed()
        func refuse(_ what: String) -> Unusable { Unusable(description: "the database's address: \(what)") }
        func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        guard !said.keys.contains(where: { $0.hasSuffix("password") }), environment("PGPASSWORD") == nil
        else {
          throw refuse(
            "a password belongs neither into it nor into PGPASSWORD, where others see it; write it into a file as in ~/.pgpass, and name that in PGPASSFILE"
          )
        }
        guard said["service"] == nil, environment("PGSERVICE") == nil else {
          throw refuse(
            "a service's parameters are not looked at; write them into the address, and unset PGSERVICE")
        }
        let named = [said["host"] ?? environment("PGHOST"), said["hostaddr"] ?? environment("PGHOSTADDR")]
        let hosts = named.compactMap(\.self).flatMap {
          $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        let isLocal = hosts.allSatisfy { $0.isEmpty || $0.hasPrefix("/") || $0.hasPrefix("@") }
        if !isLocal {
          guard said["sslmode"] == nil || said["sslmode"] == "verify-full" else {
            throw refuse(
              "sslmode=\(said["sslmode"] ?? "") does not show whose server it is; leave it out, which is verify-full"
            )
          }
          said["sslmode"] = "verify-full"
        }
        let ours = [
          "client_encoding": "UTF8", "application_name": "certfleet", "target_session_attrs": "read-write",
          "connect_timeout": "10", "keepalives_idle": "10", "keepalives_interval": "5",
          "keepalives_count": "3",
          "tcp_user_timeout": "20000",
        ]
        said.merge(ours) { said, _ in said }
        if said["passfile"] == nil, let path = Self.passwordFile { said["passfile"] = path }
        return said.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
      }
    }

    /// What the server does for each of them (its manual, runtime-config-connection).
    static let serverSettings = [
      ("tcp_keepalives_idle", "10"), ("tcp_keepalives_interval", "5"), ("tcp_keepalives_count", "3"),
      ("tcp_user_timeout", "20000"),
    ]

    /// As a systemd credential; otherwise it is libpq's matter (PGPASSFILE, ~/.pgpass).
    private static var passwordFile: String? {
      guard let folder = getenv("CREDENTIALS_DIRECTORY").map({ String(cString: $0) }) else { return nil }
      let path = folder + "/certfleet.pgpass"
      return access(path, R_OK) == 0 ? path : nil
    }

    /// libpq quotes what it does not understand at the end, and that may be a password; a parameter's name is none.
    private static func withoutValues(_ reason: String) -> String {
      guard !reason.hasPrefix("invalid URI query parameter"), let quoted = reason.firstRange(of: ": \"")
      else {
        return reason.trimmed
      }
      return String(reason[..<quoted.lowerBound])
    }

    private func parsed() throws -> [String: String] {
      var message: UnsafeMutablePointer<CChar>?
      guard let options = PQconninfoParse(description, &message) else {
        let reason = message.map { String(cString: $0) } ?? "out of memory"
        PQfreemem(message)
        throw Unusable(
          description: "the database's address cannot be read: \(Self.withoutValues(reason).visible)")
      }
      defer { PQconninfoFree(options) }
      var said: [String: String] = [:]
      var option = options
      while let keyword = option.pointee.keyword {
        if let value = option.pointee.val { said[String(cString: keyword)] = String(cString: value) }
        option += 1
      }
      return said
    }
  }
#endif
