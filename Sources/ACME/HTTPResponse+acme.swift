import FoundationEssentials

/// A response as ACME reads it.
extension HTTPResponse {
  func location() throws -> URL {
    guard let url = headers["location"].flatMap(URL.init(string:)) else {
      throw Problem(type: "malformed", detail: "the server's answer has no Location", status: status)
    }
    return url
  }

  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    do {
      return try JSONDecoder().decode(type, from: body)
    } catch {
      throw Problem(type: "malformed", detail: "the server's \(type) cannot be read", status: status)
    }
  }

  /// What the server objects to, or that it said something else than what an ACME server says.
  var problem: Problem {
    var problem =
      (try? JSONDecoder().decode(Problem.self, from: body))
      ?? Problem(type: "http", detail: "the server answered \(status)", status: status)
    problem.status = status
    problem.retryAfter = retryAfter
    return problem
  }
}
