#include <stdbool.h>
#include <stdint.h>

// The zones of the system's tzdata, read by the C library (tzset(3)), which knows one at a time, by the variable TZ.

// Whether there is a zone of that name in the IANA database as this system has it.
bool certfleet_zone_exists(const char *zone);

// How far a zone's clocks are ahead of UTC at a moment, in seconds; the zone exists.
int32_t certfleet_zone_offset(const char *zone, int64_t moment);

// Whether TZ in the environment is this library's own, and no child should inherit it.
bool certfleet_zone_made_tz(void);
