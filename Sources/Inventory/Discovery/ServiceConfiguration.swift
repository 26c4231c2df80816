import Fleet

/// What lines of a service's configuration say of certificates and ports; what they mean is in each service's manual.
struct ServiceConfiguration {
  /// A certificate that a service reads.
  struct Use: Hashable {
    let service: String
    /// A file, or a folder of files.
    let certificate: String
    /// `nil` where both are in one file.
    var key: String?
  }

  private(set) var uses: [Use] = []
  private(set) var ports: Set<Int> = []
  /// What was not understood.
  private(set) var notes: [String] = []
  private let file: ToldByHost
  private var base = ""

  init(_ file: ToldByHost) {
    self.file = file
    switch file.kind {
    case .nginx: readNginx()
    case .apache: readApache()
    case .haproxy: readHAProxy()
    case .postfix:
      readAssignments(
        ["smtpd_tls_cert_file", "smtpd_tls_eccert_file"], ["smtpd_tls_key_file", "smtpd_tls_eckey_file"])
    case .dovecot: readAssignments(["ssl_cert", "ssl_server_cert_file"], ["ssl_key", "ssl_server_key_file"])
    case .certbot, .acmeSh, .dehydrated, .listening, .file, .unreadable, .tooLong: break
    }
  }

  private var lines: [Substring] {
    file.text.split(whereSeparator: \.isNewline).map { $0.drop { $0 == " " || $0 == "\t" } }.filter {
      !$0.hasPrefix("#")
    }
  }

  /// `ssl_certificate` and `ssl_certificate_key` stand in pairs, several where there are several kinds of key.
  private mutating func readNginx() {
    base =
      ["/etc/nginx", "/usr/local/etc/nginx", "/usr/local/nginx/conf", "/opt/nginx/conf"].first {
        file.path.hasPrefix($0 + "/")
      } ?? "/etc/nginx"
    for statement in lines.flatMap({ $0.split(separator: ";") }) {
      let words = (statement.split(separator: "{").last ?? "").split { $0 == " " || $0 == "\t" }.map {
        $0.unquoted
      }
      guard words.count > 1 else { continue }
      switch words[0] {
      case "ssl_certificate": add(words[1], of: "nginx")
      case "ssl_certificate_key": addKey(words[1])
      case "listen" where words.contains("ssl") || words.contains("quic"): addPort(words[1])
      default: break
      }
    }
  }

  private mutating func readApache() {
    base = file.path.hasPrefix("/etc/httpd/") ? "/etc/httpd" : "/etc/apache2"
    for line in lines {
      let words = line.split { " \t<>".contains($0) }.map { $0.unquoted }
      guard words.count > 1 else { continue }
      switch words[0].lowercased() {
      case "sslcertificatefile": add(words[1], of: "apache")
      case "sslcertificatekeyfile": addKey(words[1])
      case "sslcertificatechainfile":
        notes.append(
          "apache reads the chain of a certificate from a file of its own, \(words[1]), which is not written here"
        )
      case "virtualhost" where words[1].hasSuffix(":443"),
        "listen" where words.dropFirst(2).contains("https"):
        addPort(words[1])
      default: break
      }
    }
  }

  private mutating func readHAProxy() {
    for line in lines {
      let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
      if words[0] == "crt-base", words.count > 1 { base = words[1] }
      for (word, next) in zip(words, words.dropFirst()) {
        if word == "crt" { add(next, of: "haproxy") }
        if word == "key", words[0] == "load" { addKey(next) }
        if word == "crt-list" {
          notes.append("haproxy has a list of certificates, \(next), which is not read here")
        }
      }
      if words[0] == "bind", words.contains("ssl"), words.count > 1 { addPort(words[1]) }
    }
  }

  /// `NAME = VALUE`; dovecot's `<` reads the file that follows.
  private mutating func readAssignments(_ certificates: [String], _ keys: [String]) {
    for line in lines {
      let parts = line.split(separator: "=", maxSplits: 1).map { String($0).trimmed }
      guard parts.count == 2, !parts[1].isEmpty else { continue }
      let value = (parts[1].hasPrefix("<") ? String(parts[1].dropFirst()).trimmed : parts[1])[...].unquoted
      if certificates.contains(parts[0]), value.hasPrefix("/") { add(value, of: file.kind.rawValue) }
      if keys.contains(parts[0]), value.hasPrefix("/") { addKey(value) }
      if parts[0] == "smtpd_tls_chain_files" {
        let files = value.split { ", ".contains($0) }.map(String.init)
        if files.count == 1 { add(files[0], of: "postfix") }
        if files.count > 1 {
          add(files[1], of: "postfix")
          addKey(files[0])
        }
      }
    }
  }

  private mutating func add(_ path: String, of service: String) {
    guard let path = whole(path, of: service) else { return }
    uses.append(Use(service: service, certificate: path))
  }

  private mutating func addKey(_ path: String) {
    guard let index = uses.lastIndex(where: { $0.key == nil }),
      let path = whole(path, of: uses[index].service)
    else { return }
    // Of one file, both are in it.
    if path != uses[index].certificate { uses[index].key = path }
  }

  private mutating func whole(_ path: String, of service: String) -> String? {
    guard !path.contains("$"), !path.contains(":") else {
      notes.append(
        "\(service) names a certificate in a way that is not understood: \(path.shortened(to: 100)) (\(file.path))"
      )
      return nil
    }
    // A folder's name may end in a slash.
    let plain = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    return plain.hasPrefix("/") ? plain : base.isEmpty ? nil : base + "/" + plain
  }

  private mutating func addPort(_ address: String) {
    if let port = Int(address.split(separator: ":").last ?? ""), (1...65535).contains(port) {
      ports.insert(port)
    }
  }
}

extension Substring {
  /// Without the quotes around it.
  fileprivate var unquoted: String {
    guard let first, first == last, count > 1, "\"'".contains(first) else { return String(self) }
    return String(dropFirst().dropLast())
  }
}
