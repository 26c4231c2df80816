import CCurl
import Fleet
package import FoundationEssentials
import PKI
import Synchronization
import System

/// HTTPS through libcurl, one easy handle for each request under way; idle handles keep their connection open
/// for the next.
package final class HTTPClient: Sendable {
  /// Of the libcurl that this program runs with, as in `7.88.1` (curl_version(3)).
  package static var libraryVersion: String {
    guard certfleet_curl_load() else { return "not there" }
    let words = certfleet_curl_version().map { String(cString: $0) } ?? ""
    return String(words.prefix { $0 != " " }.drop { $0 != "/" }.dropFirst())
  }

  private let caFile: String?
  private let isPlain: Bool
  private let agent: String
  private let idle = Mutex<[EasyHandle]>([])

  /// libcurl wants this once, before any other thread uses it (curl_global_init(3)).
  private static let initialised: Bool =
    certfleet_curl_load() && certfleet_curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK

  /// - Parameters:
  ///   - caFile: a PEM file with the only CAs to trust; `nil` trusts the system's.
  ///   - agent: RFC 8555 §6.1: "the name and version of the ACME software".
  ///   - isPlain: for http instead of https: only to look at what a CA will look at.
  package init(caFile: String? = nil, agent: String = "certfleet", isPlain: Bool = false) {
    self.caFile = caFile
    self.agent = agent
    self.isPlain = isPlain
  }

  /// - Throws: `HTTPFailure` when there was no whole answer. Any status is an answer.
  package func send(_ request: HTTPRequest) async throws -> HTTPResponse {
    try await BlockingCall.run { try self.perform(request) }
  }

  private func perform(_ request: HTTPRequest) throws -> HTTPResponse {
    guard Self.initialised, let handle = idle.withLock({ $0.popLast() }) ?? EasyHandle() else {
      throw HTTPFailure(
        url: request.url, reason: "libcurl.so.4 cannot be used on this machine; install it (Debian: libcurl4)"
      )
    }
    let started = ContinuousClock.now
    func note(_ outcome: String) {
      let (method, url) = (request.method.rawValue, request.url.absoluteString)
      DebugLog.write(
        "http: \(method) \(url), \(request.body.count) bytes: \(outcome) (\((.now - started).short))")
    }
    let response: HTTPResponse
    do {
      response = try handle.perform(
        request, caFile: caFile, agent: agent, protocols: isPlain ? "http" : "https")
    } catch {
      note("\(error)")
      throw error
    }
    note("\(response.status), \(response.body.count) bytes")
    idle.withLock { $0.append(handle) }
    return response
  }
}

package struct HTTPRequest: Sendable {
  package enum Method: String, Sendable { case get = "GET", head = "HEAD", post = "POST" }

  package var method: Method
  package var url: URL
  package var headers: [String: String]
  package var body: Data

  package init(_ method: Method, _ url: URL, headers: [String: String] = [:], body: Data = Data()) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
  }
}

package struct HTTPResponse: Sendable {
  package let status: Int
  /// By lower-case name; of a repeated header the last stands, and of Link all, as RFC 9110 §5.3 joins them.
  package let headers: [String: String]
  package let body: Data

  var retryAfter: Date? { headers["retry-after"].flatMap { RetryAfter.moment($0, now: Date()) } }

  /// RFC 8288: the targets of the links with a relation.
  func links(relation: String) -> [URL] {
    Link.all(in: headers["link"] ?? "").filter { $0.relation == relation }.compactMap {
      URL(string: $0.target)
    }
  }
}

/// There was no whole answer: which URL, and what libcurl says.
package struct HTTPFailure: Error, Hashable, CustomStringConvertible {
  package let url: URL
  package let reason: String
  package var description: String { "\(url.absoluteString): \(reason)" }
}
