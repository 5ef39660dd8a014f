/*
 * Fuzzing what is due by the clock: cron expressions, files of time zones, and the rules in them.
 *
 * The first byte picks what is read. Times are those from the year 1 to 9999.
 */
#include "fuzz.h"

#include "cron.h"
#include "time_zone.h"
#include "time_zone_rule.h"

enum { OFFSET_MAX_S = 7 * 24 * 3600 };

static int64_t take_time_s(struct fuzz_input *input)
{
    static const int64_t first_s = -62135596800, last_s = 253402300799;
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | fuzz_byte(input);
    return first_s + (int64_t)(bits % (uint64_t)(last_s - first_s));
}

/* The next time is later, and there is none in between. */
static void check_next(const struct cron *cron, const struct time_zone *zone, int64_t after_ms)
{
    int64_t next_ms = cron_next(cron, zone, after_ms);
    FUZZ_CHECK(next_ms > after_ms);
    if (next_ms != INT64_MAX)
        FUZZ_CHECK(next_ms % 1000 == 0 && cron_next(cron, zone, next_ms - 1000) == next_ms);
}

static void cron(struct fuzz_input *input)
{
    struct cron cron;
    int64_t after_ms = take_time_s(input) * 1000;
    char *text = fuzz_text(input);
    struct time_zone *utc = time_zone_open("UTC", NULL);
    if (!utc)
        abort();
    if (cron_parse(&cron, text, NULL) == 0)
        check_next(&cron, utc, after_ms);
    time_zone_free(utc);
    free(text);
}

/* Until the next change the offset is the same; a time is found where the clock shows it. */
static void check_zone(const struct time_zone *zone, int64_t at_s)
{
    int32_t offset_s = time_zone_offset(zone, at_s);
    int64_t change_s = time_zone_next_change(zone, at_s);
    FUZZ_CHECK(change_s > at_s);
    if (change_s != INT64_MAX)
        FUZZ_CHECK(time_zone_offset(zone, change_s - 1) == offset_s);
    FUZZ_CHECK(time_zone_first(zone, at_s + offset_s) <= at_s);
}

static void zone_file(struct fuzz_input *input)
{
    struct cron cron;
    int64_t at_s = take_time_s(input);
    char *text = fuzz_text(input);
    size_t length = input->left;
    char *data = fuzz_take(input, length);
    struct time_zone *zone = time_zone_parse(data, length, NULL);
    free(data); /* nothing of it is kept */
    if (zone)
        check_zone(zone, at_s);
    if (zone && cron_parse(&cron, text, NULL) == 0)
        FUZZ_CHECK(cron_next(&cron, zone, at_s * 1000) > at_s * 1000);
    time_zone_free(zone);
    free(text);
}

static void rule(struct fuzz_input *input)
{
    struct time_zone_rule rule;
    int64_t at_s = take_time_s(input);
    char *text = fuzz_text(input);
    if (time_zone_rule_parse(&rule, text)) {
        int32_t offset_s = time_zone_rule_offset(&rule, at_s);
        FUZZ_CHECK(offset_s > -OFFSET_MAX_S && offset_s < OFFSET_MAX_S);
        int64_t change_s = time_zone_rule_next(&rule, at_s);
        FUZZ_CHECK(change_s > at_s);
        if (change_s != INT64_MAX)
            FUZZ_CHECK(time_zone_rule_offset(&rule, change_s - 1) == offset_s);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(struct fuzz_input *) = {cron, zone_file, rule};
    struct fuzz_input input = {.at = data, .left = size};
    readers[fuzz_byte(&input) % (sizeof readers / sizeof *readers)](&input);
    return 0;
}
