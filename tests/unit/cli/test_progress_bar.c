/* The progress bar: how it looks at any width, and what is written of it where. */
#include "progress_bar.h"

#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "table.h"

static void check_bar(double fraction, const char *message, size_t width, const char *expected)
{
    struct bytes out = {0};
    progress_bar_format(&out, fraction, message, width);
    assert_string_equal(bytes_text(&out), expected);
    bytes_fini(&out);
}

static void test_the_bar_grows_with_the_fraction(void **state)
{
    (void)state;
    check_bar(0, "", 30, "[          ]   0%");
    check_bar(0.5, "", 30, "[====>     ]  50%");
    check_bar(0.999, "", 30, "[==========]  99%");
    check_bar(1, "", 30, "[==========] 100%");
    check_bar(7, "", 30, "[==========] 100%");
}

static void test_the_message_is_cut_to_what_is_left(void **state)
{
    (void)state;
    check_bar(0.5, "sending", 30, "[====>     ]  50% sending");
    check_bar(0.5, "sending 12 of 24", 30, "[====>     ]  50% sending 1...");
}

static void test_a_narrow_line_has_no_bar(void **state)
{
    (void)state;
    check_bar(0.5, "sending it", 20, "50% sending it");
    check_bar(0.5, "sending it", 10, "50% sen...");
}

static void test_without_a_fraction_the_message_stands_alone(void **state)
{
    (void)state;
    check_bar(-1, "queued", 30, "queued");
    check_bar(-1, "queued", 5, "qu...");
}

static void test_it_is_never_wider_than_the_line(void **state)
{
    (void)state;
    for (size_t width = 6; width < 200; width++) {
        struct bytes out = {0};
        progress_bar_format(&out, 1, "a message that is longer than most, to be cut", width);
        assert_true(text_width(bytes_text(&out)) <= width);
        bytes_fini(&out);
    }
}

static void test_elsewhere_each_change_is_a_line(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    struct progress_bar bar = {.out = open_memstream(&text, &size)};
    assert_non_null(bar.out);
    progress_bar_show(&bar, -1, "queued");
    progress_bar_show(&bar, -1, "queued");
    progress_bar_show(&bar, 0.25, "sending");
    progress_bar_show(&bar, 0.251, "sending");
    progress_bar_clear(&bar);
    progress_bar_show(&bar, 1, "\x1B[2Jsent");
    progress_bar_fini(&bar);
    fclose(bar.out);
    assert_string_equal(text, "queued\n 25% sending\n100%  [2Jsent\n");
    free(text);
}

static void test_on_a_terminal_it_is_drawn_over_itself(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    struct progress_bar bar = {.out = open_memstream(&text, &size), .is_terminal = true};
    assert_non_null(bar.out);
    progress_bar_show(&bar, -1, "one");
    progress_bar_show(&bar, -1, "one");
    progress_bar_show(&bar, -1, "two");
    progress_bar_clear(&bar);
    progress_bar_clear(&bar);
    progress_bar_fini(&bar);
    fclose(bar.out);
    assert_string_equal(text, "\rone\033[K\rtwo\033[K\r\033[K");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_bar_grows_with_the_fraction),
        cmocka_unit_test(test_the_message_is_cut_to_what_is_left),
        cmocka_unit_test(test_a_narrow_line_has_no_bar),
        cmocka_unit_test(test_without_a_fraction_the_message_stands_alone),
        cmocka_unit_test(test_it_is_never_wider_than_the_line),
        cmocka_unit_test(test_elsewhere_each_change_is_a_line),
        cmocka_unit_test(test_on_a_terminal_it_is_drawn_over_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
