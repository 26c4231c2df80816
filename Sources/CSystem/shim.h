// What the system has and Swift does not import: headers that Glibc's module leaves out, and functions with any number of
// arguments.
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/xattr.h>

// PR_SET_DUMPABLE(2const): no core dump, and no other process of the same user may look into this one.
static inline int certfleet_keep_memory_to_ourselves(void) { return prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L); }
