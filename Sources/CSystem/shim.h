// What the system has and Swift does not import: headers that Glibc's module leaves out, and functions with any number of
// arguments.
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

// PR_SET_DUMPABLE(2const): no core dump, and no other process of the same user may look into this one.
static inline int certfleet_keep_memory_to_ourselves(void) { return prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L); }

// Root becomes another user for good, with that user's groups, and keeps nothing of root's but listening on low ports
// (capabilities(7)). Only while there is one thread: capset(2) is of a thread. Returns 0, or errno.
static inline int certfleet_become(const char *name, uid_t uid, gid_t gid) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2] = {{0}};
  sets[0].permitted = sets[0].effective = 1U << CAP_NET_BIND_SERVICE;
  // Where root itself may not, as in a container, this fails, and nobody listens there.
  prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L);
  if (initgroups(name, gid) != 0 || setgid(gid) != 0 || setuid(uid) != 0) return errno ? errno : EPERM;
  syscall(SYS_capset, &header, sets);
  if (setuid(0) == 0 || getuid() != uid || geteuid() != uid) return EPERM;
  return 0;
}
