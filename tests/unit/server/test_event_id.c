/* The ids of events: what is written is read, and what is none of ours is none. */
#include "event_id.h"

#include "support.h"

static void expect(const char *text, int64_t version, unsigned progress)
{
    struct event_id id = event_id_parse(text);
    char written[EVENT_ID_SIZE];
    assert_int_equal(id.version, version);
    assert_int_equal(id.progress, progress);
    assert_string_equal(event_id_format(&id, written), text);
}

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    expect("0", 0, 0);
    expect("7", 7, 0);
    expect("7.1", 7, 1);
    expect("123456789012345678.999999999", 123456789012345678, 999999999);
}

static void test_what_is_none_of_ours_is_none(void **state)
{
    (void)state;
    const char *const table[] = {NULL, "",   "-1",  "a",    "7.",           "7.a",
                                 ".7", "7 ", "7,1", "7.1.", "7.1234567890", "1234567890123456789",
                                 "+7", " 7"};
    for (size_t i = 0; i < COUNT_OF(table); i++)
        assert_int_equal(event_id_parse(table[i]).version, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_what_is_none_of_ours_is_none),
    };
    return cmocka_run_group_tests_name("server/event_id", tests, NULL, NULL);
}
