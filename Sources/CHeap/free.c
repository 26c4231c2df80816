#define _GNU_SOURCE
#include "CHeap.h"
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __GLIBC__
// Keys pass through memory of Swift's, OpenSSL's and libssh2's, of which none but OpenSSL wipes what it gives back, and none knows
// what was a secret. So every block is wiped when it is freed (glibc's manual, "Replacing malloc": a program may define
// its own). It costs a pass over what was written anyway; the benchmark has the figure.
extern void __libc_free(void *block);

enum { LARGE = 32 << 10 };

// The whole pages of a large block are given back instead, which clears them, too (madvise(2), MADV_DONTNEED): to wipe them would make
// even those resident that were never used.
static void wipe_large(char *start, char *end) {
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  char *first = (char *)(((uintptr_t)start + page - 1) & ~(page - 1));
  char *last = (char *)((uintptr_t)end & ~(page - 1));
  // errno stays as it was (free(3)), whatever madvise(2) says.
  int before = errno;
  if (last <= first || madvise(first, (size_t)(last - first), MADV_DONTNEED) != 0) {
    errno = before;
    explicit_bzero(start, (size_t)(end - start));
    return;
  }
  explicit_bzero(start, (size_t)(first - start));
  explicit_bzero(last, (size_t)(end - last));
}

void free(void *block) {
  if (block == NULL) return;
  size_t size = malloc_usable_size(block);
  if (size < LARGE) explicit_bzero(block, size);
  else wipe_large(block, (char *)block + size);
  __libc_free(block);
}
#endif
