import System
import Testing

@Suite struct StopSignalTests {
  @Test func aSleepEndsWhenAStopIsRequested() async throws {
    let stop = StopSignal()
    async let slept = stop.sleep(for: .seconds(3600))
    #expect(!stop.request())
    #expect(try await !slept)
    #expect(stop.request(), "it was requested before")
    #expect(try await !stop.sleep(for: .seconds(3600)), "and no further pause is waited for")
  }

  @Test func aSleepThatNobodyEndsPasses() async throws {
    #expect(try await StopSignal().sleep(for: .milliseconds(5)))
  }

  @Test func aCancelledTaskDoesNotSleep() async {
    let stop = StopSignal()
    let sleeper = Task { try await stop.sleep(for: .seconds(3600)) }
    sleeper.cancel()
    await #expect(throws: CancellationError.self) { try await sleeper.value }
  }
}

@Suite struct BoundedConcurrencyTests {
  /// How many are at work, and how many there were at most.
  private actor Gauge {
    private(set) var most = 0
    private var now = 0
    func begin() {
      now += 1
      most = max(most, now)
    }
    func end() { now -= 1 }
  }

  @Test func neverMoreAtOnceThanTheLimitAndAllOfThem() async throws {
    let gauge = Gauge()
    let done = try await BoundedConcurrency.run(over: 0..<100, limit: 7) { number in
      await gauge.begin()
      await Task.yield()
      await gauge.end()
      return number
    }
    #expect(done.sorted() == Array(0..<100))
    #expect(await gauge.most <= 7)
  }

  @Test func nothingIsBegunAfterTheStop() async throws {
    let stop = StopSignal()
    let done = try await BoundedConcurrency.run(over: 0..<100, limit: 1, while: { !stop.isRequested }) {
      if $0 == 2 { stop.request() }
      return $0
    }
    #expect(done == [0, 1, 2])
  }
}
