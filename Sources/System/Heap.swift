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
}
