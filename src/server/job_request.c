/* What a request's headers ask of its job. Pure functions. */
#include "job_request.h"

#include <string.h>

#include "ascii.h"
#include "clock.h"
#include "suggest.h"

enum { SLIP_MAX_LENGTH = 24 }; /* a longer name is another one */

static const int64_t horizon_ms = 3653LL * 86400000; /* ten years */

/* A slip in the name of a header must not send an e-mail a day too early. What is not close to a
 * known one is somebody else's, who may have ferries, too. */
static void find_slip(struct job_headers *headers, const char *name)
{
    static const char prefix[] = "Ferry-";
    static const char *const known[] = {"Ferry-Delay", "Ferry-Run-At", "Ferry-Callback"};
    size_t length = strlen(prefix);
    if (headers->slip || ascii_compare_n(name, prefix, length) != 0 ||
        strlen(name) > SLIP_MAX_LENGTH)
        return;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct suggestion suggestion = {.given = name + length};
        suggestion_add(&suggestion, known[i] + length);
        if (suggestion_closest(&suggestion)) {
            headers->slip = name;
            headers->meant = known[i];
        }
        suggestion_fini(&suggestion);
    }
}

void job_headers_add(struct job_headers *headers, const char *name, const char *value)
{
    const char first = (char)(name[0] | 0x20); /* lower case; most names differ here already */
    if (first != 'f' && first != 'i')
        return;
    const struct {
        const char *name;
        const char **value;
        bool is_of_a_job;
    } known[] = {
        {"Ferry-Delay", &headers->delay, true},
        {"Ferry-Run-At", &headers->run_at, true},
        {"Ferry-Callback", &headers->callback, true},
        {"Idempotency-Key", &headers->key, false}, /* a worker may know what to do with it */
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (ascii_compare(name, known[i].name) != 0)
            continue;
        if (*known[i].value)
            headers->twice = known[i].name;
        if (known[i].is_of_a_job)
            headers->of_a_job = known[i].name;
        *known[i].value = value;
        return;
    }
    find_slip(headers, name);
}

static int read_delay(struct job_request *request, const char *text, ferry_error *error)
{
    ferry_error why;
    if (duration_parse_ms(text, &request->delay_ms, &why) < 0)
        return ferry_error_set(error, FERRY_INVALID, "Ferry-Delay: %s", why.message);
    if (request->delay_ms > horizon_ms)
        return ferry_error_set(error, FERRY_INVALID, "Ferry-Delay: at most ten years");
    return 0;
}

static int read_run_at(struct job_request *request, const char *text, int64_t now_ms,
                       ferry_error *error)
{
    ferry_error why;
    int64_t when_ms;
    if (clock_parse_rfc3339(text, &when_ms, &why) < 0)
        return ferry_error_set(error, FERRY_INVALID, "Ferry-Run-At: %s", why.message);
    if (when_ms - now_ms > horizon_ms)
        return ferry_error_set(error, FERRY_INVALID, "Ferry-Run-At: at most ten years from now");
    request->run_at_ms = when_ms > now_ms ? when_ms : 0;
    return 0;
}

/* Copy a quoted string (RFC 9651, 3.3.3) without its quotes. Returns whether it is one that fits.
 */
static bool unquote(char key[JOB_KEY_MAX + 1], const char *text)
{
    size_t length = 0;
    for (text++; *text && *text != '"'; text++) {
        if (*text == '\\' && (text[1] == '"' || text[1] == '\\'))
            text++;
        else if (*text == '\\')
            return false;
        if (length == JOB_KEY_MAX)
            return false;
        key[length++] = *text;
    }
    key[length] = '\0';
    return length > 0 && text[0] == '"' && !text[1];
}

static bool is_printable(const char *text, char lowest)
{
    while (*text >= lowest && *text <= '~')
        text++;
    return !*text;
}

static int read_key(struct job_request *request, const char *text, ferry_error *error)
{
    size_t length = strlen(text);
    bool is_good = false;
    if (text[0] == '"') {
        is_good = is_printable(text, ' ') && unquote(request->key, text);
    } else if (length > 0 && length <= JOB_KEY_MAX && !strchr(text, '"')) {
        is_good = is_printable(text, '!');
        memcpy(request->key, text, length + 1);
    }
    if (!is_good)
        return ferry_error_set(error, FERRY_INVALID,
                               "Idempotency-Key: 1 to %d printable characters, such as "
                               "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"",
                               JOB_KEY_MAX);
    return 0;
}

int job_request_read(struct job_request *request, const struct job_headers *headers, int64_t now_ms,
                     ferry_error *error)
{
    *request = (struct job_request){0};
    if (headers->twice)
        return ferry_error_set(error, FERRY_INVALID, "%s: it was sent twice", headers->twice);
    if (headers->delay && headers->run_at)
        return ferry_error_set(error, FERRY_INVALID,
                               "Ferry-Delay and Ferry-Run-At: send one of the two");
    int rc = headers->delay ? read_delay(request, headers->delay, error) : 0;
    if (rc == 0 && headers->run_at)
        rc = read_run_at(request, headers->run_at, now_ms, error);
    return rc == 0 && headers->key ? read_key(request, headers->key, error) : rc;
}
