#include "CVersion.h"
#include <stddef.h>

const char *certfleet_commit(void) {
#ifdef CERTFLEET_COMMIT
  return CERTFLEET_COMMIT;
#else
  return NULL;
#endif
}
