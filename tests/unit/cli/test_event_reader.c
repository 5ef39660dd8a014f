/* Server-sent events, in whatever pieces they come. */
#include "event_reader.h"

#include <string.h>

#include "support.h"

/* Writes each event as "name:data;" and ends at one named "end". */
static bool on_event(void *arg, const char *name, const struct bytes *data)
{
    struct bytes *seen = arg;
    bytes_printf(seen, "%s:%s;", name, bytes_text(data));
    return strcmp(name, "end") != 0;
}

static void begin(struct event_reader *reader, struct bytes *seen)
{
    *seen = (struct bytes){0};
    *reader = (struct event_reader){.on_event = on_event, .arg = seen};
}

static void end(struct event_reader *reader, struct bytes *seen)
{
    event_reader_fini(reader);
    bytes_fini(seen);
}

static bool feed(struct event_reader *reader, const char *text)
{
    return event_reader_feed(reader, text, strlen(text));
}

static const char stream[] = "retry: 1500\n"
                             ": a heartbeat\n"
                             "\n"
                             "id: 3\n"
                             "event: state\n"
                             "data: {\"a\":1}\n"
                             "\n"
                             "data:one\r\n"
                             "data: two\r\n"
                             "\r\n"
                             "event: nothing\n"
                             "\n"
                             "id: 3.1\r"
                             "unknown: x\r"
                             "data\r"
                             "\r";

static const char events[] = "state:{\"a\":1};message:one\ntwo;message:;";

static void test_a_stream_is_read_in_pieces_of_any_size(void **state)
{
    (void)state;
    for (size_t size = 1; size < sizeof stream; size++) {
        struct event_reader reader;
        struct bytes seen;
        begin(&reader, &seen);
        for (size_t at = 0; at < strlen(stream); at += size) {
            size_t left = strlen(stream) - at;
            assert_true(event_reader_feed(&reader, stream + at, left < size ? left : size));
        }
        assert_string_equal(bytes_text(&seen), events);
        assert_string_equal(bytes_text(&reader.last_id), "3.1");
        assert_int_equal(reader.retry_ms, 1500);
        end(&reader, &seen);
    }
}

static void test_the_id_is_that_of_the_last_whole_event(void **state)
{
    (void)state;
    struct event_reader reader;
    struct bytes seen;
    begin(&reader, &seen);
    feed(&reader, "id: 1\ndata: x\n\nid: 2\ndata: y\n");
    assert_string_equal(bytes_text(&reader.last_id), "1");
    event_reader_restart(&reader);
    feed(&reader, "data: z\n\n");
    assert_string_equal(bytes_text(&seen), "message:x;message:z;");
    assert_string_equal(bytes_text(&reader.last_id), "1");
    end(&reader, &seen);
}

static void test_the_reading_ends_when_the_callback_says_so(void **state)
{
    (void)state;
    struct event_reader reader;
    struct bytes seen;
    begin(&reader, &seen);
    assert_false(feed(&reader, "event: end\ndata: x\n\nevent: more\ndata: y\n\n"));
    assert_string_equal(bytes_text(&seen), "end:x;");
    end(&reader, &seen);
}

static void test_a_retry_that_is_no_number_is_ignored(void **state)
{
    (void)state;
    struct event_reader reader;
    struct bytes seen;
    begin(&reader, &seen);
    feed(&reader, "retry: soon\nretry: 5s\nretry: 99999999999999999999\nretry:\n");
    assert_int_equal(reader.retry_ms, 0);
    end(&reader, &seen);
}

static void test_an_endless_line_ends_the_reading(void **state)
{
    (void)state;
    struct event_reader reader;
    struct bytes seen;
    char piece[1 << 16];
    memset(piece, 'x', sizeof piece);
    begin(&reader, &seen);
    size_t pieces = 0;
    while (event_reader_feed(&reader, piece, sizeof piece))
        pieces++;
    assert_int_equal(pieces, (64 << 20) / sizeof piece);
    end(&reader, &seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stream_is_read_in_pieces_of_any_size),
        cmocka_unit_test(test_the_id_is_that_of_the_last_whole_event),
        cmocka_unit_test(test_the_reading_ends_when_the_callback_says_so),
        cmocka_unit_test(test_a_retry_that_is_no_number_is_ignored),
        cmocka_unit_test(test_an_endless_line_ends_the_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
