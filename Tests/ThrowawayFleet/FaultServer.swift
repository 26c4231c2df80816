import Foundation
import Synchronization

/// The plain middle of the fault proxy: HTTP/1.0, one request a connection.
final class FaultServer: Sendable {
  private let listener: Int32
  private let isStopped = Mutex(false)
  private let rear: String
  private let rule: FaultProxy.Rule
  private let requests = Mutex<[FaultProxy.Request]>([])
  var seen: [FaultProxy.Request] { requests.withLock { $0 } }

  init(at address: String, _ rule: @escaping FaultProxy.Rule) throws {
    listener = try Loopback.listen(address, 14080)
    rear = address
    self.rule = rule
    Thread { [self] in serve() }.start()
  }

  /// Once: afterwards the number is another's descriptor.
  func stop() {
    isStopped.withLock { isStopped in
      if !isStopped { shutdown(listener, Int32(SHUT_RDWR)) }
      isStopped = true
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
    let request = FaultProxy.Request(
      method: String(line[0]), path: String(line[1]),
      head: String(decoding: whole.head, as: UTF8.self), body: whole.body)
    requests.withLock { $0.append(request) }
    let response: FaultProxy.Response
    do {
      response = try rule(request) { try self.forward(whole.head + whole.body) }
    } catch { response = FaultProxy.Response(502, [], "\(error)") }
    let headers = response.headers.filter {
      !["content-length", "connection"].contains($0.name.lowercased())
    }
    let head =
      "HTTP/1.0 \(response.status) X\r\n" + headers.map { "\($0.name): \($0.value)\r\n" }.joined()
      + "Content-Length: \(response.body.count)\r\n\r\n"
    Self.send(Data(head.utf8) + response.body, on: connection)
  }

  private func forward(_ bytes: Data) throws -> FaultProxy.Response {
    let connection = Loopback.connect(rear, 14081)
    guard connection >= 0 else { throw Program.Failed("the rear of the proxy is not there") }
    defer { close(connection) }
    Self.send(bytes, on: connection)
    guard let whole = Self.receive(from: connection, untilEnd: true) else {
      throw Program.Failed("no answer")
    }
    let lines = String(decoding: whole.head, as: UTF8.self).split(separator: "\r\n")
    let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 502
    var response = FaultProxy.Response(status)
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
