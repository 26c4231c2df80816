import Fleet
package import FoundationEssentials

/// A table of hosts as spreadsheets save it (RFC 4180): the first line names the columns, in any order; what names no column of ours is
/// a label.
package enum CSVInventory {
  package struct Malformed: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
  }

  private enum Column: Hashable {
    case name, address, port, user, become, identity, via, connection, base, labels
    case label(String)

    /// By what people write over it.
    init(_ heading: String) {
      let word = heading.lowercased().filter { $0.isLetter || $0.isNumber }
      self =
        switch word {
        case "name", "host", "hostname", "server", "fqdn", "inventoryname", "machine": .name
        case "address", "ip", "ipaddress", "ipadresse", "primaryip", "primaryipv4", "privateip",
          "ansiblehost", "ipv4", "ipv6", "addr", "dns", "dnsname":
          .address
        case "port", "sshport", "ansibleport": .port
        case "user", "login", "sshuser", "username", "ansibleuser", "benutzer": .user
        case "become", "sudo", "ansiblebecome": .become
        case "identity", "key", "sshkey", "keyfile", "identityfile": .identity
        case "via", "jump", "jumphost", "bastion", "proxyjump": .via
        case "connection": .connection
        case "base": .base
        case "labels", "tags", "groups", "group": .labels
        default: .label(ImportedHost.labelWord(from: heading))
        }
    }
  }

  /// - Throws: `Malformed`.
  package static func read(_ data: Data) throws -> ImportedFleet {
    let bytes = data.starts(with: [0xef, 0xbb, 0xbf]) ? data.dropFirst(3) : data
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Malformed(description: "is not UTF-8; save it as CSV in UTF-8")
    }
    var rows = try CSVRows.read(text)[...]
    guard let heading = rows.popFirst() else { throw Malformed(description: "is empty") }
    let columns = heading.cells.map { Column($0.trimmed) }
    guard columns.contains(.name) || columns.contains(.address) else {
      throw Malformed(
        description:
          "line 1 names no column 'name' or 'address', but \(heading.cells.map { "'\($0.visible)'" }.joined(separator: ", "))"
      )
    }
    for column in columns where columns.count(where: { $0 == column }) > 1 && column != .label("") {
      throw Malformed(
        description: "line 1 names two columns for the same: \(heading.cells.joined(separator: ", ").visible)"
      )
    }
    var fleet = ImportedFleet()
    for row in rows { read(row, columns, into: &fleet) }
    fleet.addMissingJumps()
    return fleet
  }

  private static func read(_ row: CSVRows.Row, _ columns: [Column], into fleet: inout ImportedFleet) {
    let place = "line \(row.line)"
    let cells = row.cells.map(\.trimmed)
    guard cells.contains(where: { !$0.isEmpty }) else { return }
    if cells.count > columns.count { fleet.note("has more cells than the first line names", of: place) }
    var host = ImportedHost(name: "")
    for (column, cell) in zip(columns, cells) where !cell.isEmpty {
      switch column {
      case .name: host.name = cell
      case .address: host.address = cell
      case .port:
        host.port = Int(cell).flatMap { (1...65535).contains($0) ? $0 : nil }
        if host.port == nil { fleet.note("'\(cell.visible)' is no port", of: place) }
      case .user: host.user = cell
      case .become:
        switch cell.lowercased() {
        case "yes", "true", "1", "sudo", "x": host.become = Become(.sudo)
        case "doas": host.become = Become(.doas)
        case "no", "false", "0", "-": break
        default: fleet.note("'\(cell.visible)' is neither yes, no, sudo nor doas", of: place)
        }
      case .identity: host.identity = cell
      case .via: host.via = fleet.jump(along: cell.split(separator: ",").map { String($0).trimmed })
      case .connection:
        host.connection = ConnectionKind(rawValue: cell.lowercased())
        if host.connection == nil {
          fleet.note("'\(cell.visible)' is no connection: auto, libssh2, ssh or local", of: place)
        }
      case .base: host.base = cell
      case .labels:
        for word in cell.split(whereSeparator: { ",; ".contains($0) }) {
          let parts = word.split(separator: "=", maxSplits: 1).map {
            ImportedHost.labelWord(from: String($0))
          }
          host.labels[parts[0]] = parts.count == 2 ? parts[1] : "yes"
        }
      case .label(let key): if !key.isEmpty { host.labels[key] = ImportedHost.labelWord(from: cell) }
      }
    }
    if host.name.isEmpty { (host.name, host.address) = (host.address ?? "", host.address) }
    guard !host.name.isEmpty else { return fleet.note("has neither a name nor an address", of: place) }
    if host.address == host.name { host.address = nil }
    fleet.add(host)
  }
}

/// Lines and cells; the separator is the one of ',', ';' and tab that the first line has most of.
enum CSVRows {
  struct Row {
    /// From 1, where it begins.
    let line: Int
    var cells: [String]
  }

  static func read(_ text: String) throws(CSVInventory.Malformed) -> [Row] {
    let first = text.prefix { !$0.isNewline }
    let separator =
      [",", ";", "\t"].max { a, b in
        first.count { $0 == Character(a) } < first.count { $0 == Character(b) }
      }.map(Character.init) ?? ","
    var (rows, cells, cell): ([Row], [String], String) = ([], [], "")
    var (line, start, isQuoted, quoteLine) = (1, 1, false, 1)
    var characters = text[...]
    func end() {
      rows.append(Row(line: start, cells: cells + [cell]))
      (cells, cell) = ([], "")
    }
    while let character = characters.popFirst() {
      if isQuoted {
        if character == "\"" {
          if characters.first == "\"" { cell.append(characters.removeFirst()) } else { isQuoted = false }
        } else {
          if character.isNewline { line += 1 }
          cell.append(character)
        }
      } else if character == "\"", cell.allSatisfy(\.isWhitespace) {
        (isQuoted, cell, quoteLine) = (true, "", line)
      } else if character == separator {
        cells.append(cell)
        cell = ""
      } else if character.isNewline {
        end()
        line += 1
        start = line
      } else {
        cell.append(character)
      }
    }
    guard !isQuoted else {
      throw CSVInventory.Malformed(description: "line \(quoteLine) begins a quote that never ends")
    }
    if !cells.isEmpty || !cell.isEmpty { end() }
    return rows.filter { $0.cells.contains { !$0.trimmed.isEmpty } }
  }
}
