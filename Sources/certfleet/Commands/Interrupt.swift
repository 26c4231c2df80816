import Dispatch
import FoundationEssentials
import Glibc
import System

/// ^C, SIGTERM and a terminal that goes away (SIGHUP) ask for a stop; a second one ends the process where it is.
final class Interrupt {
  let stop = StopSignal()
  private let sources: [any DispatchSourceSignal]

  init() {
    let all = [SIGINT, SIGTERM, SIGHUP].compactMap { number in
      let former = unsafeBitCast(signal(number, SIG_IGN), to: Int.self)
      // Whom nohup(1) has started is not told that the terminal has gone.
      return number == SIGHUP && former == unsafeBitCast(SIG_IGN, to: Int.self)
        ? nil : (number, source: DispatchSource.makeSignalSource(signal: number))
    }
    sources = all.map(\.source)
    for (number, source) in all {
      source.setEventHandler { [stop] in
        if stop.request() {
          Console.standard.flush()
          // As where the program ends by itself: not exit(3).
          _exit(128 + number)
        }
        Console.standard.say(
          "stopping: nothing new is begun; waiting for what is under way (^C again to leave it)")
      }
      source.activate()
    }
  }

  /// Does what may be stopped.
  static func handled<Value>(_ work: (StopSignal) async throws -> Value) async throws -> Value {
    let interrupt = Interrupt()
    defer { withExtendedLifetime(interrupt) {} }
    return try await work(interrupt.stop)
  }
}
