/*
 * Fuzzing URLs: one that is taken apart has a host, means the same when it is read again, and is
 * below itself; escaped bytes come back as they were.
 *
 * The first byte picks one of the two; then comes a text, and behind a NUL a second URL.
 */
#include "fuzz.h"

#include "http_url.h"
#include "percent.h"

static void check_url(const struct http_url *url)
{
    struct http_url again;
    FUZZ_CHECK(strcmp(url->scheme, "http") == 0 || strcmp(url->scheme, "https") == 0);
    FUZZ_CHECK(*url->host && *url->port && !strchr(url->text, '#'));
    FUZZ_CHECK(!strpbrk(url->text, " \t\r\n") && !strstr(url->path, "/../"));
    FUZZ_CHECK(http_url_parse(&again, url->text, NULL) == 0);
    FUZZ_CHECK(strcmp(again.text, url->text) == 0 && strcmp(again.path, url->path) == 0);
    FUZZ_CHECK(http_url_is_same_origin(url, &again) && http_url_is_below(url, &again));
    http_url_fini(&again);
}

static void urls(struct fuzz_input *input)
{
    char *first = fuzz_text(input), *second = fuzz_text(input);
    struct http_url url, prefix;
    bool is_url = http_url_parse(&url, first, NULL) == 0;
    bool is_prefix = http_url_parse(&prefix, second, NULL) == 0;
    if (is_url)
        check_url(&url);
    if (is_url && is_prefix && http_url_is_below(&url, &prefix))
        FUZZ_CHECK(http_url_is_same_origin(&url, &prefix));
    http_url_fini(&prefix);
    http_url_fini(&url);
    free(second);
    free(first);
}

static void escaped(struct fuzz_input *input)
{
    char *text = fuzz_text(input);
    struct bytes out = {0};
    bytes_append_escaped(&out, text, strlen(text));
    FUZZ_CHECK(percent_is_valid(bytes_text(&out), out.length));
    char *again = malloc(out.length + 1);
    if (!again)
        abort();
    percent_decode(bytes_text(&out), out.length, again);
    FUZZ_CHECK(strcmp(text, again) == 0);
    free(again);
    bytes_fini(&out);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {.at = data, .left = size};
    if (fuzz_byte(&input) % 4)
        urls(&input);
    else
        escaped(&input);
    return 0;
}
