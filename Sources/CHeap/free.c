#define _GNU_SOURCE
#include "CHeap.h"
#include <malloc.h>
#include <string.h>

#ifdef __GLIBC__
// Keys pass through memory of Swift's, OpenSSL's and libssh2's, of which none but OpenSSL wipes what it gives back, and none knows
// what was a secret. So every block is wiped when it is freed (glibc's manual, "Replacing malloc": a program may define
// its own). It costs a pass over what was written anyway; the benchmark has the figure.
extern void __libc_free(void *block);

void free(void *block) {
  if (block == NULL) return;
  explicit_bzero(block, malloc_usable_size(block));
  __libc_free(block);
}
#endif
