package import Fleet
import Glibc

/// Whether an order could listen for its CA.
package enum ListenerTrial {
  /// Why not; `nil` where it could.
  package static func obstacle(to address: ListenAddress) -> CannotListen? {
    do throws(CannotListen) {
      close(try ListeningSocket.open(address))
      return nil
    } catch { return error }
  }
}
