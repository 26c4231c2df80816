import CSSH2
import FoundationEssentials
import Glibc
import Synchronization
import System

/// One thread that waits for many sockets, and the executor of the actors that own them.
///
/// A connection's code runs on this thread alone, so that trying a call and waiting for its socket need no lock.
/// What has to be done here comes through an inbox; a doorbell (eventfd(2)) ends the wait for it.
///
/// `@unchecked Sendable` because everything but the inbox is touched by the loop's own thread only.
package final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
  private let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
  private let doorbell = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
  private let inbox = Mutex<[UnownedJob]>([])
  /// What comes from the thread itself, which needs no bell.
  private var own: [UnownedJob] = []
  private let thread = Atomic<pthread_t>(0)
  /// For what is read and handed on before anything else is read: most of it is small, and a buffer of this size for each
  /// connection would be most of its memory.
  let space = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 16)
  private var waiters: [Int32: Waiter] = [:]
  /// No deadline is before it. It may be too early, and is then found out; looking for the true one at each wake-up would
  /// cost as much as everything else at a width of hundreds.
  private var earliest: ContinuousClock.Instant?

  /// What a wait ended with.
  enum Wake: Sendable { case ready, timedOut }

  private struct Waiter {
    let deadline: ContinuousClock.Instant
    let resume: CheckedContinuation<Wake, Never>
  }

  /// Starts the thread, which runs for as long as the process.
  package init() {
    var event = epoll_event()
    event.events = EPOLLIN.rawValue
    event.data.fd = doorbell
    epoll_ctl(epoll, EPOLL_CTL_ADD, doorbell, &event)
    // Visits run on it, too: the system's own size.
    SystemThread.start(stackSize: 8 << 20) { [self] in run() }
  }

  // MARK: Executor

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    guard thread.load(ordering: .relaxed) != pthread_self() else { return own.append(job) }
    let isFirst = inbox.withLock { jobs in
      jobs.append(job)
      return jobs.count == 1
    }
    // The one who finds the inbox empty rings; the loop empties it after every ring.
    if isFirst { eventfd_write(doorbell, 1) }
  }

  package func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

  // MARK: Waiting, on the loop's thread

  /// Waits until the socket can be read or written, as asked, or the deadline has passed. At most one wait at a
  /// time for each socket.
  func wait(
    for descriptor: Int32, reading: Bool, writing: Bool, until deadline: ContinuousClock.Instant,
    isolation: isolated (any Actor)? = #isolation
  ) async -> Wake {
    // What is waited for is kept without a lock: only actors whose executor is this loop may call.
    precondition(
      thread.load(ordering: .relaxed) == pthread_self(), "waited for on another thread than the loop's")
    return await suspended { continuation in
      var event = epoll_event()
      // One shot: the kernel is silent about a socket that nobody waits for.
      event.events =
        (reading ? EPOLLIN.rawValue : 0) | (writing ? EPOLLOUT.rawValue : 0) | EPOLLONESHOT.rawValue
      event.data.fd = descriptor
      // The kernel forgets a socket when it is closed, so whether this one is known is asked and not remembered.
      if epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event) != 0 {
        epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event)
      }
      waiters[descriptor] = Waiter(deadline: deadline, resume: continuation)
      if earliest.map({ deadline < $0 }) ?? true { earliest = deadline }
    }
  }

  /// Suspends a connection's code until somebody resumes it, on whatever thread, and goes on here.
  ///
  /// A continuation resumes on the executor that its task prefers, and where it prefers none on the threads that all tasks
  /// share, to come back here only from there: two more switches of threads at each wake-up, and no wake-up while
  /// those threads are busy.
  func suspended<Value: Sendable>(
    isolation: isolated (any Actor)? = #isolation, _ body: (CheckedContinuation<Value, Never>) -> Void
  ) async -> Value {
    await withTaskExecutorPreference(self) {
      await withCheckedContinuation(isolation: isolation, body)
    }
  }

  // MARK: The thread

  private func run() {
    thread.store(pthread_self(), ordering: .relaxed)
    var events = [epoll_event](repeating: epoll_event(), count: 128)
    while true {
      let patience = own.isEmpty ? millisecondsToNextDeadline() : 0
      let count = epoll_wait(epoll, &events, Int32(events.count), patience)
      for event in events.prefix(Int(max(count, 0))) {
        if event.data.fd == doorbell {
          var rings: eventfd_t = 0
          eventfd_read(doorbell, &rings)
        } else {
          waiters.removeValue(forKey: event.data.fd)?.resume.resume(returning: .ready)
        }
      }
      expire()
      var jobs = inbox.withLock { jobs in
        defer { jobs = [] }
        return jobs
      }
      (jobs, own) = (own + jobs, [])
      for job in jobs {
        job.runSynchronously(
          isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
      }
    }
  }

  private func expire() {
    let now = ContinuousClock.now
    guard let first = earliest, first <= now else { return }
    for (descriptor, waiter) in waiters where waiter.deadline <= now {
      waiters[descriptor] = nil
      waiter.resume.resume(returning: .timedOut)
    }
    earliest = waiters.values.map(\.deadline).min()
  }

  /// For epoll_wait(2): −1 waits without end, and a deadline is rounded up, so that it has passed on waking.
  private func millisecondsToNextDeadline() -> Int32 {
    guard let next = earliest else { return -1 }
    let left = (next - .now).components
    let milliseconds = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000 + 1
    return Int32(clamping: max(milliseconds, 0))
  }
}
