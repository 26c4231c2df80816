import Dispatch
import Engine
import Foundation

/// ^C and SIGTERM ask for a stop; a second one ends the process where it is.
final class Interrupt {
  let stop = StopRequest()
  private let sources: [any DispatchSourceSignal]

  init() {
    sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      return DispatchSource.makeSignalSource(signal: number)
    }
    for source in sources {
      source.setEventHandler { [stop] in
        if stop.request() { exit(128 + SIGINT) }
        Console.standard.say(
          "stopping: nothing new is begun; waiting for what is under way (^C again to leave it)")
      }
      source.activate()
    }
  }
}
