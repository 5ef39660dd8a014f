/* Messages: what is put is read, in whatever pieces it comes, and what is none is seen. */
#include "message.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

/* Have bytes come over a socket, in pieces of so many, taking what is whole after each. */
static int pass(struct message_inbox *inbox, const struct bytes *out, size_t piece,
                struct message *message)
{
    int ends[2], next = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    for (size_t at = 0; at < out->length && next == 0; at += piece) {
        size_t length = out->length - at < piece ? out->length - at : piece;
        assert_int_equal(send(ends[0], out->data + at, length, 0), length);
        assert_int_equal(message_receive(inbox, ends[1]), 1);
        next = message_next(inbox, message);
    }
    close(ends[0]);
    if (next == 0)
        assert_int_equal(message_receive(inbox, ends[1]), 0); /* the end is seen */
    close(ends[1]);
    return next;
}

static struct bytes sample(void)
{
    struct bytes out = {0};
    size_t begin = message_begin(&out, MESSAGE_CALL);
    message_put_number(&out, INT64_MIN);
    message_put_text(&out, "a text");
    message_put_text(&out, NULL);
    message_put_text(&out, "");
    message_put_data(&out, "a\0b", 3);
    message_put_data(&out, NULL, 0);
    message_end(&out, begin);
    return out;
}

static void assert_sample(struct message *message)
{
    size_t length;
    assert_int_equal(message->kind, MESSAGE_CALL);
    assert_true(message_number(message) == INT64_MIN);
    assert_string_equal(message_text(message), "a text");
    assert_null(message_text(message));
    assert_string_equal(message_text(message), "");
    assert_memory_equal(message_data(message, &length), "a\0b", 4);
    assert_int_equal(length, 3);
    assert_string_equal(message_data(message, &length), "");
    assert_int_equal(length, 0);
    assert_true(message_is_sound(message));
}

static void test_it_is_read_in_whatever_pieces_it_comes(void **state)
{
    (void)state;
    struct bytes out = sample();
    for (size_t piece = 1; piece <= out.length; piece++) {
        struct message_inbox inbox = {0};
        struct message message;
        assert_int_equal(pass(&inbox, &out, piece, &message), 1);
        assert_sample(&message);
        assert_int_equal(message_next(&inbox, &message), 0);
        message_inbox_fini(&inbox);
    }
    bytes_fini(&out);
}

static void test_several_that_come_at_once_are_read_one_by_one(void **state)
{
    (void)state;
    struct bytes out = sample(), second = sample();
    message_end(&out, message_begin(&out, MESSAGE_CANCEL));
    bytes_append(&out, second.data, second.length);
    bytes_append(&out, second.data, 12); /* and a part of one */
    struct message_inbox inbox = {0};
    struct message message;
    assert_int_equal(pass(&inbox, &out, out.length, &message), 1);
    assert_sample(&message);
    assert_int_equal(message_next(&inbox, &message), 1);
    assert_int_equal(message.kind, MESSAGE_CANCEL);
    assert_true(message_is_sound(&message));
    assert_int_equal(message_next(&inbox, &message), 1);
    assert_sample(&message);
    assert_int_equal(message_next(&inbox, &message), 0);

    struct bytes rest = {0}; /* what is left moves to the front, and the rest of it comes */
    bytes_append(&rest, second.data + 12, second.length - 12);
    assert_int_equal(pass(&inbox, &rest, rest.length, &message), 1);
    assert_sample(&message);
    message_inbox_fini(&inbox);
    bytes_fini(&rest);
    bytes_fini(&second);
    bytes_fini(&out);
}

static void test_a_large_one_comes_whole(void **state)
{
    (void)state;
    enum { LENGTH = 3 << 20 };
    struct bytes out = {0};
    size_t begin = message_begin(&out, MESSAGE_ANSWER), length;
    char *data = calloc(1, LENGTH);
    data[LENGTH - 1] = 'z';
    message_put_data(&out, data, LENGTH);
    message_end(&out, begin);
    struct message_inbox inbox = {0};
    struct message message;
    assert_int_equal(pass(&inbox, &out, 50000, &message), 1);
    assert_memory_equal(message_data(&message, &length), data, LENGTH);
    assert_int_equal(length, LENGTH);
    message_inbox_fini(&inbox);
    bytes_fini(&out);
    free(data);
}

static void test_what_is_no_message_is_seen(void **state)
{
    (void)state;
    static const int64_t lengths[] = {-1, INT64_MIN, INT64_MAX, ((int64_t)4 << 30) + 1};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct bytes out = {0};
        message_put_number(&out, lengths[i]);
        bytes_append_char(&out, 'a');
        struct message_inbox inbox = {0};
        struct message message;
        assert_int_equal(pass(&inbox, &out, out.length, &message), FERRY_INVALID);
        message_inbox_fini(&inbox);
        bytes_fini(&out);
    }
}

static void test_a_message_past_the_limit_of_its_reader_is_none(void **state)
{
    (void)state;
    for (int64_t length = 1000; length <= 1001; length++) {
        struct bytes out = {0};
        message_put_number(&out, length);
        bytes_append_char(&out, 'a');
        struct message_inbox inbox = {.limit = 1000};
        struct message message;
        if (length > 1000) /* before the rest of it comes */
            assert_int_equal(pass(&inbox, &out, out.length, &message), FERRY_INVALID);
        else
            assert_int_equal(pass(&inbox, &out, out.length, &message), 0);
        message_inbox_fini(&inbox);
        assert_int_equal(inbox.limit, 1000); /* for the next one who writes */
        bytes_fini(&out);
    }
}

static void test_the_largest_body_has_a_message(void **state)
{
    (void)state;
    struct bytes out = {0};
    message_put_number(&out, (int64_t)INT_MAX + 4096); /* limits.body_bytes, and the headers */
    bytes_append_char(&out, 'c');
    struct message_inbox inbox = {.bytes = out};
    struct message message;
    assert_int_equal(message_next(&inbox, &message), 0); /* the rest has not come */
    message_inbox_fini(&inbox);
}

static void test_a_large_one_that_was_taken_leaves_no_memory(void **state)
{
    (void)state;
    enum { LENGTH = 3 << 20 };
    struct bytes out = {0};
    size_t begin = message_begin(&out, MESSAGE_ANSWER);
    bytes_extend(&out, LENGTH);
    message_end(&out, begin);
    struct message_inbox inbox = {.bytes = out};
    struct message message;
    assert_int_equal(message_next(&inbox, &message), 1);
    message_inbox_compact(&inbox);
    assert_null(inbox.bytes.data);
    assert_int_equal(message_next(&inbox, &message), 0);
}

/* Read all fields of a message of so many bytes. */
static bool is_sound(const char *data, size_t length)
{
    char *copy = malloc(length ? length : 1); /* just its size: a step beyond is caught */
    memcpy(copy, data, length);
    struct message message = {.kind = MESSAGE_CALL, .at = copy, .left = length};
    size_t ignored;
    message_number(&message);
    for (int i = 0; i < 3; i++)
        message_text(&message);
    message_data(&message, &ignored);
    message_data(&message, &ignored);
    bool sound = message_is_sound(&message);
    free(copy);
    return sound;
}

static void test_a_message_that_is_cut_or_too_long_is_not_sound(void **state)
{
    (void)state;
    struct bytes out = sample();
    size_t length = out.length - 9;
    assert_true(is_sound(out.data + 9, length));
    for (size_t cut = 0; cut < length; cut++)
        assert_false(is_sound(out.data + 9, cut));
    bytes_append_char(&out, 'x');
    assert_false(is_sound(out.data + 9, length + 1));
    bytes_fini(&out);
}

static void test_no_changed_byte_leads_outside(void **state)
{
    (void)state;
    struct bytes out = sample();
    for (size_t i = 9; i < out.length; i++) {
        for (int value = 0; value < 256; value += 17) {
            char before = out.data[i];
            out.data[i] = (char)value;
            is_sound(out.data + 9, out.length - 9);
            out.data[i] = before;
        }
    }
    bytes_fini(&out);
}

static void test_a_text_with_a_nul_inside_is_none(void **state)
{
    (void)state;
    struct bytes out = {0};
    size_t begin = message_begin(&out, MESSAGE_CALL);
    message_put_data(&out, "a\0b", 3);
    message_end(&out, begin);
    struct message message = {.at = out.data + 9, .left = out.length - 9};
    message_text(&message);
    assert_false(message_is_sound(&message));
    bytes_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_read_in_whatever_pieces_it_comes),
        cmocka_unit_test(test_several_that_come_at_once_are_read_one_by_one),
        cmocka_unit_test(test_a_large_one_comes_whole),
        cmocka_unit_test(test_what_is_no_message_is_seen),
        cmocka_unit_test(test_a_message_past_the_limit_of_its_reader_is_none),
        cmocka_unit_test(test_the_largest_body_has_a_message),
        cmocka_unit_test(test_a_large_one_that_was_taken_leaves_no_memory),
        cmocka_unit_test(test_a_message_that_is_cut_or_too_long_is_not_sound),
        cmocka_unit_test(test_no_changed_byte_leads_outside),
        cmocka_unit_test(test_a_text_with_a_nul_inside_is_none),
    };
    return cmocka_run_group_tests_name("worker/message", tests, NULL, NULL);
}
