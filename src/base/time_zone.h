/*
 * Time zones by their IANA names, from the files of the package tzdata: what a clock on the wall
 * shows there. Immutable once made; any thread. Times are seconds since 1970, UTC or local.
 */
#ifndef BASE_TIME_ZONE_H
#define BASE_TIME_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include <ferry/error.h>

struct time_zone;

/* Read a zone; "UTC" needs no file. Returns NULL and `error`: FERRY_NOT_FOUND no such zone (or
 * there are no files), FERRY_INVALID its file is none, FERRY_INTERNAL it cannot be read. Blocks. */
struct time_zone *time_zone_open(const char *name, ferry_error *error);

/* Make one from what is in such a file (TZif, RFC 8536). Errors: NULL, as above. */
struct time_zone *time_zone_parse(const void *data, size_t length, ferry_error *error);

void time_zone_free(struct time_zone *zone);

/* Return what is added to UTC for local time. */
int32_t time_zone_offset(const struct time_zone *zone, int64_t utc_s);

/* Return the first change of the offset after a time (or of its name only); INT64_MAX: none. */
int64_t time_zone_next_change(const struct time_zone *zone, int64_t utc_s);

/* Return when the clock shows a local time, in UTC: of a time that it shows twice the first, for
 * one that it leaves out the first moment after the gap. */
int64_t time_zone_first(const struct time_zone *zone, int64_t local_s);

#endif
