#define _GNU_SOURCE
#include "CZone.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic bool made_tz = false;

bool certfleet_zone_made_tz(void) { return made_tz; }

bool certfleet_zone_exists(const char *zone) {
  const char *folder = getenv("TZDIR");
  char path[4096];
  struct stat found;
  // A name is letters, digits and signs between slashes; nothing else is opened.
  if (*zone == '\0' || *zone == '/' || *zone == ':' || strstr(zone, "..") != NULL) return false;
  int length = snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : "/usr/share/zoneinfo", zone);
  if (length < 0 || (size_t)length >= sizeof path || stat(path, &found) != 0 || !S_ISREG(found.st_mode)) return false;
  // tzfile(5): there are lists and tables beside the zones.
  FILE *file = fopen(path, "re");
  char magic[4] = "";
  bool is_zone = file != NULL && fread(magic, 1, sizeof magic, file) == sizeof magic && memcmp(magic, "TZif", 4) == 0;
  if (file != NULL) fclose(file);
  return is_zone;
}

int32_t certfleet_zone_offset(const char *zone, int64_t moment) {
  char wanted[4097], former[4096];
  time_t seconds = (time_t)moment;
  struct tm local;
  snprintf(wanted, sizeof wanted, ":%s", zone);
  pthread_mutex_lock(&lock);
  const char *before = getenv("TZ");
  if (before == NULL) made_tz = true;
  snprintf(former, sizeof former, "%s", before != NULL ? before : ":/etc/localtime");
  // The first time the environment is copied, and the array that it was in stays; from then on setenv(3) exchanges one pointer, and glibc
  // never frees what it pointed to. So whoever reads the environment meanwhile sees an old value or a new one. Never before main():
  // Swift finds its arguments by where the environment lies.
  setenv("TZ", wanted, 1);
  tzset();
  localtime_r(&seconds, &local);
  setenv("TZ", former, 1);
  tzset();
  pthread_mutex_unlock(&lock);
  return (int32_t)local.tm_gmtoff;
}
