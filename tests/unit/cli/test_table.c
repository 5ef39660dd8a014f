/* Tables: aligned, cut, and harmless. */
#include "table.h"

#include "support.h"

static const struct table_column columns[] = {{"ID", false}, {"COUNT", true}, {"NOTE", false}};

static void check_table(const char *const *cells, size_t count, size_t width, const char *expected)
{
    struct table table = {.columns = columns, .column_count = COUNT_OF(columns)};
    struct bytes out = {0};
    for (size_t i = 0; i < count; i++)
        table_add(&table, cells[i]);
    table_write(&table, width, &out);
    assert_string_equal(bytes_text(&out), expected);
    bytes_fini(&out);
    table_fini(&table);
}

static void test_columns_are_aligned(void **state)
{
    (void)state;
    const char *const cells[] = {"a", "7", "short", "longer", "1234567", ""};
    check_table(cells, COUNT_OF(cells), 0,
                "ID        COUNT  NOTE\n"
                "a             7  short\n"
                "longer  1234567\n");
}

static void test_the_last_column_is_cut_to_the_width(void **state)
{
    (void)state;
    const char *const cells[] = {"a", "7", "one two three", "b", "8", "one two"};
    check_table(cells, COUNT_OF(cells), 20,
                "ID  COUNT  NOTE\n"
                "a       7  one tw...\n"
                "b       8  one two\n");
}

static void test_what_does_not_fit_at_all_leaves_the_other_columns_whole(void **state)
{
    (void)state;
    const char *const cells[] = {"0123456789", "7", "note"};
    check_table(cells, COUNT_OF(cells), 10,
                "ID          COUNT\n"
                "0123456789      7\n");
}

static void test_characters_count_not_bytes(void **state)
{
    (void)state;
    const char *const cells[] = {"\xC3\xA9\xC3\xA9", "1",
                                 "\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC"};
    check_table(cells, COUNT_OF(cells), 15,
                "ID  COUNT  NOTE\n"
                "\xC3\xA9\xC3\xA9      1  \xE2\x82\xAC...\n");
}

static void test_a_text_does_not_steer_the_terminal(void **state)
{
    (void)state;
    const char *const cells[] = {"a\x1B[2J\xE2\x80\xAE", "1\n2", "\xC2\x9B-\xFF-\x7F-"};
    check_table(cells, COUNT_OF(cells), 0,
                "ID      COUNT  NOTE\n"
                "a [2J     1 2   -\xEF\xBF\xBD- -\n");
}

static void test_a_text_is_cut_with_dots(void **state)
{
    (void)state;
    static const struct {
        size_t width;
        const char *expected;
    } cases[] = {{10, "abcdef"}, {6, "abcdef"}, {5, "ab..."}, {3, "..."}, {2, ".."}, {0, ""}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bytes out = {0};
        append_cut(&out, "abcdef", cases[i].width);
        assert_string_equal(bytes_text(&out), cases[i].expected);
        bytes_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_are_aligned),
        cmocka_unit_test(test_the_last_column_is_cut_to_the_width),
        cmocka_unit_test(test_what_does_not_fit_at_all_leaves_the_other_columns_whole),
        cmocka_unit_test(test_characters_count_not_bytes),
        cmocka_unit_test(test_a_text_does_not_steer_the_terminal),
        cmocka_unit_test(test_a_text_is_cut_with_dots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
