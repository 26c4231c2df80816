public import Foundation
import Synchronization

/// Stands in front of Pebble and does what Pebble cannot: limits, faults, renewal windows, profiles.
///
/// nginx takes TLS off before it and puts it on again behind it, so that nothing here has to.
public final class FaultProxy: Sendable {
  public let directory: String
  private let front: Running
  private let listener: Int32
  private let state: Mutex<State>
  private let rear: String

  private struct State {
    var rule: Rule
    var seen: [Request] = []
  }

  public struct Request: Sendable {
    public let method: String
    public let path: String
    public let body: Data

    /// What a signed request says (RFC 7515 §7.2.2).
    public var payload: String {
      guard let jws = try? JSONDecoder().decode([String: String].self, from: body), let text = jws["payload"]
      else { return "" }
      let plain = text.replacing("-", with: "+").replacing("_", with: "/")
      let padded = plain + String(repeating: "=", count: (4 - plain.count % 4) % 4)
      return Data(base64Encoded: padded).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
  }

  public struct Response: Sendable {
    public var status: Int
    public var headers: [(name: String, value: String)]
    public var body: Data

    public init(_ status: Int, _ headers: [(name: String, value: String)] = [], _ body: String = "") {
      self.status = status
      self.headers = headers
      self.body = Data(body.utf8)
    }

    /// An ACME problem.
    public static func problem(
      _ status: Int, _ kind: String, _ headers: [(name: String, value: String)] = []
    ) -> Response {
      Response(
        status, headers + [("Content-Type", "application/problem+json")],
        "{\"type\": \"urn:ietf:params:acme:error:\(kind)\", \"detail\": \"made by the proxy: \(kind)\"}")
    }

    public mutating func set(_ name: String, _ value: String) {
      headers.removeAll { $0.name.lowercased() == name.lowercased() }
      headers.append((name, value))
    }
  }

  /// Answers a request; what it leaves to `forward` is Pebble's own answer.
  public typealias Rule = @Sendable (Request, _ forward: () throws -> Response) throws -> Response

  public init(in folder: String, before ca: PebbleCA, _ rule: @escaping Rule) async throws {
    let address = ca.network.proxy
    directory = "https://\(address):\(PebbleCA.port)/dir"
    rear = address
    state = Mutex(State(rule: rule))
    listener = try Self.listen(address, 14080)
    try Files.makeFolder(folder + "/tmp")
    try Files.write(
      folder + "/nginx.conf",
      """
      daemon off; pid nginx.pid; error_log error.log; worker_processes 1;
      \(geteuid() == 0 ? "user root;" : "")
      events { worker_connections 256; }
      http {
        access_log off;
        client_body_temp_path tmp/a; proxy_temp_path tmp/b; fastcgi_temp_path tmp/c; uwsgi_temp_path tmp/d;
        scgi_temp_path tmp/e;
        proxy_http_version 1.0;
        proxy_set_header Host $http_host;
        server {
          listen \(address):\(PebbleCA.port) ssl;
          ssl_certificate \(ca.caFile); ssl_certificate_key \(ca.keyFile);
          location / { proxy_pass http://\(address):14080; proxy_pass_header Date; }
        }
        server {
          listen \(address):14081;
          location / { proxy_pass https://\(ca.network.authority):\(PebbleCA.port); }
        }
      }
      """)
    front = try Running(
      try Program.find("nginx"), ["-p", folder, "-c", "nginx.conf", "-e", "error.log"],
      stdout: folder + "/nginx.log", stderr: folder + "/nginx.log")
    Thread { [self] in serve() }.start()
    try await eventually("the proxy answers: \(Files.read(folder + "/nginx.log"))") {
      Loopback.answers(address, UInt16(PebbleCA.port))
    }
  }

  /// From now on this is what happens.
  public func set(_ rule: @escaping Rule) { state.withLock { $0.rule = rule } }

  /// Every request so far whose path begins so.
  public func requests(_ prefix: String) -> [Request] {
    state.withLock { $0.seen.filter { $0.path.hasPrefix(prefix) } }
  }

  public func stop() async {
    shutdown(listener, Int32(SHUT_RDWR))
    await front.stop()
  }

  // MARK: HTTP/1.0, one request a connection

  private static func listen(_ address: String, _ port: UInt16) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    let isBound = withAddress(address, port) { bind(descriptor, $0, $1) == 0 }
    guard isBound, Foundation.listen(descriptor, 128) == 0 else {
      throw Program.Failed("the proxy cannot listen on \(address):\(port)")
    }
    return descriptor
  }

  private static func withAddress<Result>(
    _ address: String, _ port: UInt16, _ use: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    var target = sockaddr_in()
    target.sin_family = sa_family_t(AF_INET)
    target.sin_port = port.bigEndian
    inet_pton(AF_INET, address, &target.sin_addr)
    return withUnsafePointer(to: &target) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        use($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  private func serve() {
    while true {
      let connection = accept(listener, nil, nil)
      guard connection >= 0 else { break }
      Thread { [self] in
        answer(connection)
        close(connection)
      }.start()
    }
    close(listener)
  }

  private func answer(_ connection: Int32) {
    guard let whole = Self.receive(from: connection, untilEnd: false),
      let line = String(decoding: whole.head, as: UTF8.self).split(separator: "\r\n").first?.split(
        separator: " "),
      line.count == 3
    else { return }
    let request = Request(method: String(line[0]), path: String(line[1]), body: whole.body)
    let rule = state.withLock { state in
      state.seen.append(request)
      return state.rule
    }
    let response: Response
    do {
      response = try rule(request) { try self.forward(whole.head + whole.body) }
    } catch { response = Response(502, [], "\(error)") }
    let headers = response.headers.filter {
      !["content-length", "connection"].contains($0.name.lowercased())
    }
    let head =
      "HTTP/1.0 \(response.status) X\r\n" + headers.map { "\($0.name): \($0.value)\r\n" }.joined()
      + "Content-Length: \(response.body.count)\r\n\r\n"
    Self.send(Data(head.utf8) + response.body, on: connection)
  }

  private func forward(_ bytes: Data) throws -> Response {
    let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(connection) }
    guard Self.withAddress(rear, 14081, { connect(connection, $0, $1) == 0 }) else {
      throw Program.Failed("the rear of the proxy is not there")
    }
    Self.send(bytes, on: connection)
    guard let whole = Self.receive(from: connection, untilEnd: true) else {
      throw Program.Failed("no answer")
    }
    let lines = String(decoding: whole.head, as: UTF8.self).split(separator: "\r\n")
    let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 502
    var response = Response(status)
    response.headers = lines.dropFirst().compactMap { line in
      line.firstIndex(of: ":").map { colon in
        (String(line[..<colon]), line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces))
      }
    }
    response.body = whole.body
    return response
  }

  /// A message's head, with the empty line that ends it, and its body.
  private static func receive(from connection: Int32, untilEnd: Bool) -> (head: Data, body: Data)? {
    var bytes = Data()
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      if let end = bytes.range(of: Data("\r\n\r\n".utf8)) {
        let head = bytes[..<end.upperBound]
        let length = String(decoding: head, as: UTF8.self).lowercased()
          .firstMatch(of: /content-length: *([0-9]+)/).flatMap { Int($0.output.1) }
        if !untilEnd || length != nil, bytes.count >= end.upperBound + (length ?? 0) {
          return (Data(head), Data(bytes[end.upperBound...]))
        }
      }
      let count = recv(connection, &chunk, chunk.count, 0)
      guard count > 0 else {
        return bytes.range(of: Data("\r\n\r\n".utf8)).map {
          (Data(bytes[..<$0.upperBound]), Data(bytes[$0.upperBound...]))
        }
      }
      bytes.append(contentsOf: chunk.prefix(count))
    }
  }

  private static func send(_ bytes: Data, on connection: Int32) {
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Foundation.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}
