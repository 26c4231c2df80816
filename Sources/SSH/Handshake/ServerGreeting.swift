import CSSH2
import FoundationEssentials
import Glibc

/// The first bytes that a server says, in the clear: its version line and the lists of its algorithms. A server that is not
/// willing says why before its version (RFC 4253 §4.2 lets it), and libssh2 throws that away; one that is no SSH server may
/// talk for ever.
struct ServerGreeting: ~Copyable {
  /// What libssh2 hands to the callback.
  private let store: UnsafeMutablePointer<Store>

  private struct Store {
    var bytes: [UInt8] = []
    /// Where its version begins.
    var version: Int?
    var arrivals = 0
    var isOver = false
    var isAbandoned = false
  }

  /// RFC 4253 §4.2: a version line is at most 255 bytes, and a few lines may come before it. Lists of algorithms take some
  /// 1,500 more.
  private static let most = 4096

  init() {
    store = .allocate(capacity: 1)
    store.initialize(to: Store())
  }

  deinit {
    guard !store.pointee.isAbandoned else { return }
    store.deinitialize(count: 1)
    store.deallocate()
  }

  /// What a session has to be made with, so that `receive` finds this one.
  var abstract: UnsafeMutableRawPointer { UnsafeMutableRawPointer(store) }

  /// LIBSSH2_RECV_FUNC: what libssh2 receives by, for as long as the session lives.
  static let receive:
    @convention(c) (
      Int32, UnsafeMutableRawPointer?, Int, Int32, UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> Int = { socket, buffer, length, flags, abstract in
      let count = recv(socket, buffer, length, flags)
      guard count >= 0 else { return Int(-errno) }
      guard let store = abstract?.pointee?.assumingMemoryBound(to: Store.self), let buffer else {
        return count
      }
      store.pointee.arrivals += 1
      guard !store.pointee.isOver, store.pointee.bytes.count <= Self.most else { return count }
      store.pointee.bytes += UnsafeRawBufferPointer(start: buffer, count: count)
      if store.pointee.version == nil { store.pointee.version = Self.version(in: store.pointee.bytes) }
      return store.pointee.version == nil && store.pointee.bytes.count > Self.most
        ? Int(-ECONNABORTED) : count
    }

  private static func version(in bytes: [UInt8]) -> Int? {
    let (sought, newline) = (Array("SSH-".utf8), UInt8(ascii: "\n"))
    if bytes.starts(with: sought) { return 0 }
    return bytes.indices.first { bytes[$0] == newline && bytes[($0 + 1)...].starts(with: sought) }.map {
      $0 + 1
    }
  }

  /// Forgets it, once nobody will ask what it was.
  func end() { (store.pointee.bytes, store.pointee.isOver) = ([], true) }

  /// Stays for a session that is never freed.
  func abandon() { store.pointee.isAbandoned = true }

  /// How often something has been taken from the socket, first or later.
  var arrivals: Int { store.pointee.arrivals }

  /// Whether it has said that it speaks SSH.
  var isSSH: Bool { store.pointee.version != nil }

  /// Its version line and what came behind it.
  var sinceVersion: [UInt8] { store.pointee.version.map { Array(store.pointee.bytes[$0...]) } ?? [] }

  /// Its first line, or the one before its version; empty where it has said nothing else.
  var words: String {
    let text = String(decoding: store.pointee.bytes.prefix(300), as: UTF8.self)
    let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    return line.hasPrefix("SSH-")
      ? "" : String(line.map { $0.isASCII && !$0.isControl ? $0 : "?" }.prefix(80))
  }
}

extension Character {
  fileprivate var isControl: Bool { unicodeScalars.contains { $0.properties.generalCategory == .control } }
}
