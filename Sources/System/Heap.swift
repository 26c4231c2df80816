import CSystem
import Glibc

/// The C library's heap, in which Swift's objects are, too.
package enum Heap {
  /// One heap for all threads (mallopt(3)), as nearly everything is allocated on one: each further heap would keep what is free in it to
  /// itself. To be called before there are threads.
  package static func share() { mallopt(M_ARENA_MAX, 1) }

  /// Gives what is free back to the system (malloc_trim(3)): after planning, whose JSON and snapshots are as large as what a rollout needs
  /// later for its connections.
  package static func giveBack() { malloc_trim(0) }

  /// Gives those pages of a block back that hold nothing but zeros (madvise(2), MADV_DONTNEED): they are zeros again when they are next
  /// read. For what is large, was cleared when it was made, and is mostly never used.
  package static func giveBackZeros(in block: UnsafeMutableRawPointer) {
    let page = sysconf(Int32(_SC_PAGESIZE))
    let end = block + malloc_usable_size(block)
    var start = block.alignedUp(toMultipleOf: page)
    while start + page <= end {
      var next = start
      while next + page <= end, isZero(next, page) { next += page }
      if next > start { madvise(start, next - start, MADV_DONTNEED) }
      start = next + page
    }
  }

  private static func isZero(_ start: UnsafeMutableRawPointer, _ count: Int) -> Bool {
    start.load(as: UInt8.self) == 0 && memcmp(start, start + 1, count - 1) == 0
  }
}
