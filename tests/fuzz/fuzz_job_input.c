/*
 * Fuzzing what a client says of jobs: what is read lies within its bounds, and means the same when
 * it is written and read again.
 *
 * The first byte picks what is read; the rest is texts, with a NUL between them.
 */
#include "fuzz.h"

#include "callback_url.h"
#include "clock.h"
#include "event_id.h"
#include "http_url.h"
#include "job_id.h"
#include "job_query.h"
#include "job_request.h"
#include "prefer.h"

enum { CALLBACKS = 3 };

static const int64_t now_ms = 1795255754000; /* 2026-11-21T10:09:14Z */

static void query(struct fuzz_input *input)
{
    struct job_query query = {.filter.limit = JOB_QUERY_PAGE};
    bool is_bulk = fuzz_byte(input) % 2;
    char *route = NULL;
    while (input->left > 0) {
        char *name = fuzz_text(input), *value = fuzz_text(input);
        job_query_add(&query, name, value, is_bulk, NULL);
        FUZZ_CHECK(query.filter.states < 1u << JOB_STATE_COUNT);
        FUZZ_CHECK(query.filter.limit >= 1 && query.filter.limit <= JOB_PAGE_MAX);
        FUZZ_CHECK(query.filter.before >= 0 && (is_bulk || !query.is_all));
        free(name);
        if (query.filter.route != value) {
            free(value);
            continue;
        }
        free(route);
        route = value;
    }
    free(route);
}

static void request(struct fuzz_input *input)
{
    static const char *const names[] = {"Ferry-Delay", "ferry-run-at", "Idempotency-Key",
                                        "Ferry-Callback", "Prefer"};
    struct job_headers headers = {0};
    struct job_request request;
    char *values[8];
    size_t count = 0;
    while (input->left > 0 && count < 8) {
        const char *name = names[fuzz_byte(input) % 5];
        values[count] = fuzz_text(input);
        job_headers_add(&headers, name, values[count++]);
    }
    if (job_request_read(&request, &headers, now_ms, NULL) == 0) {
        FUZZ_CHECK(request.delay_ms >= 0 && strlen(request.key) <= JOB_KEY_MAX);
        FUZZ_CHECK(request.run_at_ms == 0 || request.run_at_ms > now_ms);
        FUZZ_CHECK(!headers.twice);
    }
    while (count > 0)
        free(values[--count]);
}

static void prefer(struct fuzz_input *input)
{
    struct prefer prefer = {0};
    struct bytes applied = {0};
    while (input->left > 0) {
        char *value = fuzz_text(input);
        prefer_read(&prefer, value);
        FUZZ_CHECK(prefer.wait_s <= PREFER_WAIT_MAX_S);
        free(value);
    }
    prefer_append_applied(&applied, &prefer, prefer.has_wait);
    struct prefer again = {0};
    prefer_read(&again, bytes_text(&applied));
    FUZZ_CHECK(again.has_wait == prefer.has_wait && again.wait_s == prefer.wait_s);
    bytes_fini(&applied);
}

/* What is allowed is, to who calls it, below what it must begin with. */
static void callback(struct fuzz_input *input)
{
    static char first[] = "https://example.com/", second[] = "https://example.com/in/",
                third[] = "http://[::1]:8080/hooks/a";
    static char *const allow[CALLBACKS + 1] = {first, second, third};
    char *url = fuzz_text(input);
    struct http_url parsed, prefix;
    if (callback_url_check(url, allow, NULL) == 0) {
        bool is_below = http_url_parse(&parsed, url, NULL) < 0;
        for (size_t i = 0; i < CALLBACKS && !is_below; i++) {
            FUZZ_CHECK(http_url_parse(&prefix, allow[i], NULL) == 0);
            is_below = http_url_is_same_origin(&parsed, &prefix) &&
                       strncmp(parsed.path, prefix.path, strlen(prefix.path)) == 0;
            http_url_fini(&prefix);
        }
        FUZZ_CHECK(is_below);
        http_url_fini(&parsed);
    }
    free(url);
}

static void event_id(struct fuzz_input *input)
{
    char *text = fuzz_text(input), written[EVENT_ID_SIZE];
    struct event_id id = event_id_parse(text);
    FUZZ_CHECK(id.version >= -1);
    if (id.version >= 0) {
        struct event_id again = event_id_parse(event_id_format(&id, written));
        FUZZ_CHECK(again.version == id.version && again.progress == id.progress);
    }
    free(text);
}

static void job_id(struct fuzz_input *input)
{
    char *text = fuzz_text(input), written[RANDOM_ID_TEXT_SIZE];
    unsigned char bits[RANDOM_ID_BYTES];
    if (job_id_parse(text, bits)) {
        job_id_format(bits, written);
        FUZZ_CHECK(strcmp(text, written) == 0);
    }
    free(text);
}

/* What is written has a year of four digits, as long as that is after 999. */
static void time_of_day(struct fuzz_input *input)
{
    char *text = fuzz_text(input), written[CLOCK_RFC3339_SIZE];
    int64_t wall_ms, again_ms;
    if (clock_parse_rfc3339(text, &wall_ms, NULL) == 0) {
        clock_format_rfc3339(wall_ms, written);
        bool has_four_digits = wall_ms >= -30610224000000 && wall_ms <= 253402300799999;
        int rc = clock_parse_rfc3339(written, &again_ms, NULL);
        FUZZ_CHECK(!has_four_digits || (rc == 0 && again_ms == wall_ms));
    }
    free(text);
}

static void numbers(struct fuzz_input *input)
{
    char *text = fuzz_text(input);
    int64_t value;
    if (duration_parse_ms(text, &value, NULL) == 0)
        FUZZ_CHECK(value >= 0 && value <= INT64_C(9000000000000000));
    if (size_parse_bytes(text, &value, NULL) == 0)
        FUZZ_CHECK(value >= 0);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(struct fuzz_input *) = {query,    request, prefer,      callback,
                                                           event_id, job_id,  time_of_day, numbers};
    struct fuzz_input input = {.at = data, .left = size};
    readers[fuzz_byte(&input) % (sizeof readers / sizeof *readers)](&input);
    return 0;
}
