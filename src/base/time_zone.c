/*
 * Time zones from TZif files (RFC 8536). Immutable once made; any thread.
 *
 * Not by the C library's TZ: that is one zone for the whole process, and no thread may read the
 * environment while it is changed.
 *
 * A file has its data twice, first with times of 32 bits, which are skipped, and a rule at its end
 * for what comes after the last change that it lists.
 */
#include "time_zone.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bytes.h"
#include "civil.h"
#include "time_zone_rule.h"

static const char folder[] = "/usr/share/zoneinfo";

enum {
    FILE_MAX = 1 << 20,
    HEADER_BYTES = 44,
    TYPE_BYTES = 6,
    CHANGES_MAX = 4096,
    TYPES_MAX = 256,
    OFFSET_MAX_S = 26 * 60 * 60,
    NAME_MAX_BYTES = 64,
    RULE_MAX_BYTES = 128,
};

struct time_zone {
    size_t change_count;
    int64_t *changes_s; /* ascending */
    int32_t *offsets_s; /* from the change of the same index on */
    int32_t first_s;    /* the offset before all changes */
    bool has_rule;
    struct time_zone_rule rule; /* after the last one */
};

/* ---- reading ---- */

struct header {
    char version;
    size_t flag_bytes; /* of both kinds */
    size_t leap_count;
    size_t change_count;
    size_t type_count;
    size_t name_bytes;
};

static uint64_t read_big_endian(const unsigned char *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static bool read_header(const unsigned char *at, size_t length, struct header *header)
{
    if (length < HEADER_BYTES || memcmp(at, "TZif", 4) != 0)
        return false;
    size_t counts[6];
    for (size_t i = 0; i < 6; i++) {
        counts[i] = (size_t)read_big_endian(at + 20 + 4 * i, 4);
        if (counts[i] > FILE_MAX)
            return false;
    }
    *header = (struct header){(char)at[4], counts[0] + counts[1], counts[2], counts[3], counts[4],
                              counts[5]};
    return true;
}

static size_t block_bytes(const struct header *header, size_t time_bytes)
{
    return HEADER_BYTES + header->change_count * (time_bytes + 1) +
           header->type_count * TYPE_BYTES + header->name_bytes +
           header->leap_count * (time_bytes + 4) + header->flag_bytes;
}

static bool zone_allocate(struct time_zone *zone, size_t count)
{
    zone->change_count = count;
    zone->changes_s = calloc(count + 1, sizeof *zone->changes_s);
    zone->offsets_s = calloc(count + 1, sizeof *zone->offsets_s);
    return zone->changes_s && zone->offsets_s;
}

/* Read the block of 64 bits, whose length has been checked. */
static bool read_block(struct time_zone *zone, const unsigned char *at, const struct header *header)
{
    const unsigned char *times = at + HEADER_BYTES;
    const unsigned char *indexes = times + header->change_count * 8;
    const unsigned char *types = indexes + header->change_count;
    int32_t offsets[TYPES_MAX];
    for (size_t i = 0; i < header->type_count; i++) {
        offsets[i] = (int32_t)read_big_endian(types + i * TYPE_BYTES, 4);
        if (offsets[i] < -OFFSET_MAX_S || offsets[i] > OFFSET_MAX_S)
            return false;
    }
    zone->first_s = offsets[0];
    for (size_t i = 0; i < header->change_count; i++) {
        zone->changes_s[i] = (int64_t)read_big_endian(times + i * 8, 8);
        if (indexes[i] >= header->type_count ||
            (i > 0 && zone->changes_s[i] <= zone->changes_s[i - 1]))
            return false;
        zone->offsets_s[i] = offsets[indexes[i]];
    }
    return true;
}

/* "\nRULE\n"; there may be none between the line ends. */
static bool read_rule(struct time_zone *zone, const char *at, size_t length)
{
    char text[RULE_MAX_BYTES];
    if (length < 2 || at[0] != '\n')
        return false;
    const char *end = memchr(at + 1, '\n', length - 1);
    size_t rule_length = end ? (size_t)(end - at) - 1 : sizeof text;
    if (rule_length >= sizeof text)
        return false;
    memcpy(text, at + 1, rule_length);
    text[rule_length] = '\0';
    zone->has_rule = rule_length > 0;
    return !zone->has_rule || time_zone_rule_parse(&zone->rule, text);
}

static bool zone_read(struct time_zone *zone, const unsigned char *data, size_t length)
{
    struct header header;
    if (!read_header(data, length, &header) || header.version < '2')
        return false;
    size_t skip = block_bytes(&header, 4);
    if (skip > length || !read_header(data + skip, length - skip, &header))
        return false;
    data += skip;
    length -= skip;
    size_t block = block_bytes(&header, 8);
    return block <= length && header.type_count > 0 && header.type_count <= TYPES_MAX &&
           header.change_count <= CHANGES_MAX && zone_allocate(zone, header.change_count) &&
           read_block(zone, data, &header) &&
           read_rule(zone, (const char *)data + block, length - block);
}

struct time_zone *time_zone_parse(const void *data, size_t length, ferry_error *error)
{
    struct time_zone *zone = calloc(1, sizeof *zone);
    if (!zone) {
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    if (zone_read(zone, data, length))
        return zone;
    ferry_error_set(error, FERRY_INVALID, "not the file of a time zone");
    time_zone_free(zone);
    return NULL;
}

/* ---- by name ---- */

static bool is_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_+-/";
    size_t length = strlen(name);
    return length > 0 && length <= NAME_MAX_BYTES && strspn(name, allowed) == length &&
           name[0] != '/' && name[length - 1] != '/';
}

static struct time_zone *read_file(const char *path, ferry_error *error)
{
    struct bytes content = {0};
    struct time_zone *zone = NULL;
    if (bytes_read_file(&content, path, FILE_MAX, error) == 0)
        zone = time_zone_parse(bytes_text(&content), content.length, error);
    bytes_fini(&content);
    return zone;
}

/* Returns NULL if there is no such file. */
static char *find_file(const char *name)
{
    struct stat status;
    char *path = is_name(name) ? text_printf("%s/%s", folder, name) : NULL;
    if (path && stat(path, &status) == 0 && S_ISREG(status.st_mode))
        return path;
    free(path);
    return NULL;
}

struct time_zone *time_zone_open(const char *name, ferry_error *error)
{
    struct time_zone *zone = NULL;
    if (strcmp(name, "UTC") == 0) {
        zone = calloc(1, sizeof *zone);
        if (!zone)
            ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return zone;
    }
    char *path = find_file(name);
    if (path)
        zone = read_file(path, error);
    else
        ferry_error_set(error, FERRY_NOT_FOUND, "there is no time zone \"%s\" in %s", name, folder);
    free(path);
    return zone;
}

void time_zone_free(struct time_zone *zone)
{
    if (!zone)
        return;
    free(zone->changes_s);
    free(zone->offsets_s);
    free(zone);
}

/* ---- asking ---- */

/* Return how many of the listed changes are not after a time. */
static size_t changes_until(const struct time_zone *zone, int64_t utc_s)
{
    size_t low = 0, high = zone->change_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->changes_s[middle] <= utc_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int32_t time_zone_offset(const struct time_zone *zone, int64_t utc_s)
{
    size_t count = changes_until(zone, utc_s);
    if (count == zone->change_count && zone->has_rule)
        return time_zone_rule_offset(&zone->rule, utc_s);
    return count == 0 ? zone->first_s : zone->offsets_s[count - 1];
}

int64_t time_zone_next_change(const struct time_zone *zone, int64_t utc_s)
{
    size_t count = changes_until(zone, utc_s);
    if (count < zone->change_count)
        return zone->changes_s[count];
    return zone->has_rule ? time_zone_rule_next(&zone->rule, utc_s) : INT64_MAX;
}

/* Walk through the stretches of one offset, from one that is surely over when the clock shows the
 * time, to the first in which it is not past. */
int64_t time_zone_first(const struct time_zone *zone, int64_t local_s)
{
    int64_t begin_s = local_s - INT64_C(2) * CIVIL_DAY_S;
    for (;;) {
        int64_t shown_s = local_s - time_zone_offset(zone, begin_s);
        int64_t end_s = time_zone_next_change(zone, begin_s);
        if (shown_s < end_s)
            return shown_s > begin_s ? shown_s : begin_s;
        begin_s = end_s;
    }
}
