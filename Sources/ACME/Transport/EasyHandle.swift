import CCurl
import Fleet
import FoundationEssentials

/// A libcurl easy handle with one owner.
///
/// `@unchecked Sendable` because a handle may move between threads as long as only one uses it at a time
/// (libcurl-thread(3)); the client's pool hands each to one request.
final class EasyHandle: @unchecked Sendable {
  private let handle: UnsafeMutableRawPointer

  /// What an ACME server sends is small; more than this is not an answer to us.
  private static let largestBody = 1 << 20
  private static let largestHeaders = 64 << 10

  init?() {
    guard let handle = certfleet_curl_easy_init() else { return nil }
    self.handle = handle
  }

  deinit { certfleet_curl_easy_cleanup(handle) }

  func perform(_ request: HTTPRequest, caFile: String?, agent: String, protocols: String) throws
    -> HTTPResponse
  {
    certfleet_curl_easy_reset(handle)
    let received = Received(limit: Self.largestBody, headerLimit: Self.largestHeaders)
    var reason = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))
    let body = Array(request.body)
    let headers = request.headers.reduce(nil as UnsafeMutablePointer<curl_slist>?) { list, header in
      certfleet_curl_slist_append(list, "\(header.key): \(header.value)")
    }
    defer { certfleet_curl_slist_free_all(headers) }

    certfleet_curl_set_string(handle, CURLOPT_URL, request.url.absoluteString)
    certfleet_curl_set_string(handle, CURLOPT_PROTOCOLS_STR, protocols)
    certfleet_curl_set_string(handle, CURLOPT_USERAGENT, agent)
    certfleet_curl_keep_to_ourselves(handle)
    certfleet_curl_set_pointer(handle, CURLOPT_HTTPHEADER, headers)
    // Without this libcurl's resolver times out by a signal, which threads do not survive (libcurl-thread(3)).
    certfleet_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
    certfleet_curl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, 10_000)
    certfleet_curl_set_long(handle, CURLOPT_TIMEOUT_MS, 60_000)
    if let caFile { certfleet_curl_set_string(handle, CURLOPT_CAINFO, caFile) }
    certfleet_curl_set_receiver(handle, CURLOPT_WRITEFUNCTION, receiveBody)
    certfleet_curl_set_pointer(handle, CURLOPT_WRITEDATA, Unmanaged.passUnretained(received).toOpaque())
    certfleet_curl_set_receiver(handle, CURLOPT_HEADERFUNCTION, receiveHeader)
    certfleet_curl_set_pointer(handle, CURLOPT_HEADERDATA, Unmanaged.passUnretained(received).toOpaque())

    let status = reason.withUnsafeMutableBufferPointer { reason in
      body.withUnsafeBufferPointer { body in
        certfleet_curl_set_pointer(handle, CURLOPT_ERRORBUFFER, reason.baseAddress)
        switch request.method {
        case .get: break
        case .head: certfleet_curl_set_long(handle, CURLOPT_NOBODY, 1)
        case .post:
          certfleet_curl_set_long(handle, CURLOPT_POST, 1)
          certfleet_curl_set_long(handle, CURLOPT_POSTFIELDSIZE, body.count)
          certfleet_curl_set_pointer(
            handle, CURLOPT_POSTFIELDS, UnsafeMutableRawPointer(mutating: body.baseAddress))
        }
        return withExtendedLifetime(received) { certfleet_curl_easy_perform(handle) }
      }
    }
    guard status == CURLE_OK else {
      if let excess = received.excess { throw HTTPFailure(url: request.url, reason: excess) }
      let told = String(decoding: reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      throw HTTPFailure(
        url: request.url, reason: told.isEmpty ? String(cString: certfleet_curl_easy_strerror(status)) : told)
    }
    var code = 0
    certfleet_curl_get_long(handle, CURLINFO_RESPONSE_CODE, &code)
    return HTTPResponse(status: code, headers: received.headers, body: received.body)
  }
}

/// What has come so far; libcurl's callbacks write into it on the one thread that performs the request.
private final class Received {
  var headers: [String: String] = [:]
  var body = Data()
  let limit: Int
  let headerLimit: Int
  private var headerBytes = 0
  /// Why no more was taken.
  private(set) var excess: String?

  init(limit: Int, headerLimit: Int) {
    self.limit = limit
    self.headerLimit = headerLimit
  }

  func takes(body count: Int) -> Bool {
    guard body.count + count <= limit else {
      excess = "the answer is longer than \(limit >> 20) MiB, which no answer of a CA is"
      return false
    }
    return true
  }

  func takes(header count: Int) -> Bool {
    headerBytes += count
    guard headerBytes <= headerLimit else {
      excess = "the headers of the answer are longer than \(headerLimit >> 10) KiB"
      return false
    }
    return true
  }
}

/// CURLOPT_WRITEFUNCTION(3): an answer other than the number of bytes taken ends the transfer with an error.
private func receiveBody(
  bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int, into: UnsafeMutableRawPointer?
) -> Int {
  guard let bytes, let into else { return 0 }
  let received = Unmanaged<Received>.fromOpaque(into).takeUnretainedValue()
  guard received.takes(body: count) else { return 0 }
  received.body.append(UnsafeRawBufferPointer(start: bytes, count: count).bindMemory(to: UInt8.self))
  return count
}

private func receiveHeader(
  bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int, into: UnsafeMutableRawPointer?
) -> Int {
  guard let bytes, let into else { return 0 }
  let received = Unmanaged<Received>.fromOpaque(into).takeUnretainedValue()
  guard received.takes(header: count) else { return 0 }
  let line = String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
  let parts = line.split(separator: ":", maxSplits: 1)
  if parts.count == 2 {
    let (name, value) = (parts[0].lowercased(), parts[1].trimmed)
    let earlier = name == "link" ? received.headers[name].map { $0 + ", " } : nil
    received.headers[name] = (earlier ?? "") + value
  }
  return count
}
