#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "header_scan.h"

/* Feed a text in pieces of `step` bytes. Returns where the header ended, 0 if it did not. */
static size_t scan_in_steps(struct header_scan *scan, const char *text, size_t step)
{
    size_t length = strlen(text), used;
    header_scan_init(scan);
    for (size_t at = 0; at < length; at += step) {
        size_t part = length - at < step ? length - at : step;
        if (header_scan_feed(scan, text + at, part, &used))
            return at + used;
    }
    return 0;
}

static void the_header_ends_at_the_blank_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t end;
        int64_t body_bytes;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", 18, -1},
        {"GET / HTTP/1.1\n\n", 16, -1},
        {"GET / HTTP/1.1\r\nA: b\r\n\r\nrest", 24, -1},
        {"GET / HTTP/1.1\r\nA: b\r\n", 0, -1},
        {"GET / HTTP/1.1\r\nA: b\r\n\r", 0, -1},
        {"GET / HTTP/1.1\r\n \r\n\r\n", 21, -1},
        {"P\r\nContent-Length: 12\r\n\r\n", 25, 12},
        {"P\r\ncontent-LENGTH:12\r\n\r\n", 24, 12},
        {"P\r\nContent-Length: 99999999999999999999\r\n\r\n", 43, INT64_MAX},
        {"P\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\n", 43, 9},
        {"P\r\nX-Content-Length: 12\r\n\r\n", 27, -1},
        {"content-length: 12\r\n\r\n", 22, -1},
        {"P\r\nContent-Type: a/b\r\nB: c\r\n\r\n", 30, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t step = 1; step <= strlen(cases[i].text); step++) {
            struct header_scan scan;
            size_t end = scan_in_steps(&scan, cases[i].text, step);
            if (end != cases[i].end || scan.body_bytes != cases[i].body_bytes)
                fail_msg("case %zu in steps of %zu: end %zu, body %lld", i, step, end,
                         (long long)scan.body_bytes);
            if (end)
                assert_int_equal(scan.length, end);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_ends_at_the_blank_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
