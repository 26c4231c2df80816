import CSSH2
import FoundationEssentials
import Glibc

/// One channel and the socket that it is forwarded to.
final class Tunnel {
  private let channel: OpaquePointer
  /// This side's end of a pair.
  let local: Int32
  /// On the way back from the server; filled again when it is empty, so that neither side runs ahead of the other.
  private var downward: ArraySlice<UInt8> = []
  /// On the way to the server: a call that must be repeated is given the same pointer and length.
  private let buffer = UnsafeMutableBufferPointer<CChar>.allocate(capacity: Tunnel.chunk)
  private var pending = 0
  private var sent = 0
  private var localHasEnded = false
  private var channelHasEnded = false
  private var isStuckReading = false
  private(set) var isOver = false

  /// libssh2 sends at most this much in one packet.
  private static let chunk = 32 << 10

  enum Progress {
    case done
    case waits
    /// The very same call is to be repeated when the session's socket takes more.
    case blocked
    case broken
  }

  init(_ channel: OpaquePointer, local: Int32) {
    (self.channel, self.local) = (channel, local)
    localHasEnded = local < 0
  }

  deinit { buffer.deallocate() }

  var wantsToRead: Bool { pending == sent && !localHasEnded }
  var wantsToWrite: Bool { !downward.isEmpty }

  func goOn(isBlocked: () -> Bool) -> Progress {
    guard !isOver else { return .waits }
    if isStuckReading {
      let progress = down(isBlocked)
      guard progress == .done || progress == .waits else { return progress }
    }
    if localHasEnded, pending == sent { return free(isBlocked) }
    let first = up(isBlocked)
    guard first == .done || first == .waits else { return first }
    let second = down(isBlocked)
    return second == .waits ? first : second
  }

  private func up(_ isBlocked: () -> Bool) -> Progress {
    var moved = false
    if pending == sent, !localHasEnded {
      let count = recv(local, buffer.baseAddress, Tunnel.chunk, 0)
      if count > 0 {
        (pending, sent, moved) = (count, 0, true)
      } else if count == 0 || errno != EAGAIN {
        localHasEnded = true
        return .done
      }
    }
    guard sent < pending, let start = buffer.baseAddress else { return moved ? .done : .waits }
    let count = libssh2_channel_write_ex(channel, 0, start + sent, pending - sent)
    if count == Int(LIBSSH2_ERROR_EAGAIN) { return isBlocked() ? .blocked : moved ? .done : .waits }
    if count == Int(LIBSSH2_ERROR_CHANNEL_CLOSED) || count == Int(LIBSSH2_ERROR_CHANNEL_EOF_SENT) {
      (sent, channelHasEnded, localHasEnded) = (pending, true, true)
      return .done
    }
    guard count >= 0 else { return .broken }
    sent += count
    return .done
  }

  private func down(_ isBlocked: () -> Bool) -> Progress {
    var moved = false
    isStuckReading = false
    if downward.isEmpty, !channelHasEnded {
      var status = 0
      let bytes = [UInt8](unsafeUninitializedCapacity: Tunnel.chunk) { buffer, count in
        status = buffer.withMemoryRebound(to: CChar.self) {
          libssh2_channel_read_ex(channel, 0, $0.baseAddress, Tunnel.chunk)
        }
        count = max(status, 0)
      }
      if status > 0 {
        (downward, moved) = (bytes[...], true)
      } else if libssh2_channel_eof(channel) == 1 {
        // Nobody is there for what is still on its way: the server of a connection has ended it.
        (channelHasEnded, localHasEnded, sent) = (true, true, pending)
        moved = true
      } else if status < 0, status != Int(LIBSSH2_ERROR_EAGAIN) {
        return .broken
      } else if isBlocked() {
        isStuckReading = true
        return .blocked
      }
    }
    guard !downward.isEmpty else { return moved ? .done : .waits }
    let count = downward.withUnsafeBytes { send(local, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    if count > 0 {
      downward = downward.dropFirst(count)
      return .done
    }
    guard errno == EAGAIN else {
      // Nobody is at the other end any more.
      (downward, localHasEnded) = ([], true)
      return .done
    }
    return moved ? .done : .waits
  }

  private func free(_ isBlocked: () -> Bool) -> Progress {
    let status = libssh2_channel_free(channel)
    if status == LIBSSH2_ERROR_EAGAIN { return isBlocked() ? .blocked : .waits }
    isOver = true
    return .done
  }
}
