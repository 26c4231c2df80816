package import Fleet
import Glibc

/// Whether an order could listen for its CA.
package enum ListenerTrial {
  /// Why not; `nil` where it could.
  ///
  /// - Parameter isShared: with other controllers on this machine.
  package static func obstacle(to address: ListenAddress, isShared: Bool = false) -> CannotListen? {
    do throws(CannotListen) {
      close(try ListeningSocket.open(address, isShared: isShared))
      return nil
    } catch { return error }
  }
}
