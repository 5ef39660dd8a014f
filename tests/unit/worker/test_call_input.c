/* The block of a call's input: what goes in comes out, and nothing damaged is let through. */
#include "call_input.h"

#include <stdlib.h>
#include <string.h>

#include "support.h"

static struct bytes sample_block(void)
{
    struct bytes block = {0};
    call_input_add(&block, CALL_METHOD, "", "POST", 4);
    call_input_add(&block, CALL_PARAM, "id", "42", 2);
    call_input_add(&block, CALL_QUERY, "id", "7", 1);
    call_input_add(&block, CALL_QUERY, "empty", "", 0);
    call_input_add(&block, CALL_HEADER, "Content-Type", "text/plain", 10);
    call_input_add(&block, CALL_HEADER, "X-Twice", "first", 5);
    call_input_add(&block, CALL_HEADER, "x-twice", "second", 6);
    call_input_end(&block, "a\0body", 6);
    return block;
}

/* Parse a copy in memory of just its size, so that whoever reads past its end is caught. */
static int parse(struct call_input *input, const char *data, size_t length, ferry_error *error)
{
    char *copy = malloc(length ? length : 1);
    memcpy(copy, data, length);
    return call_input_parse(input, copy, length, error);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct bytes block = sample_block();
    struct call_input input;
    assert_int_equal(parse(&input, block.data, block.length, NULL), 0);
    assert_string_equal(input.method, "POST");
    assert_int_equal(input.body_length, 6);
    assert_memory_equal(input.body, "a\0body", 7); /* with the NUL behind it */
    assert_string_equal(call_input_find(&input, CALL_PARAM, "id"), "42");
    assert_string_equal(call_input_find(&input, CALL_QUERY, "id"), "7");
    assert_string_equal(call_input_find(&input, CALL_QUERY, "empty"), "");
    assert_string_equal(call_input_find(&input, CALL_HEADER, "content-TYPE"), "text/plain");
    assert_string_equal(call_input_find(&input, CALL_HEADER, "X-TWICE"), "first");
    assert_null(call_input_find(&input, CALL_QUERY, "ID")); /* only headers are without case */
    assert_null(call_input_find(&input, CALL_PARAM, "i"));
    assert_null(call_input_find(&input, CALL_PARAM, "idx"));
    assert_null(call_input_find(&input, CALL_HEADER, "id"));
    call_input_fini(&input);
    bytes_fini(&block);
}

static void test_an_empty_body(void **state)
{
    (void)state;
    struct bytes block = {0};
    call_input_add(&block, CALL_METHOD, "", "GET", 3);
    call_input_end(&block, NULL, 0);
    struct call_input input;
    assert_int_equal(parse(&input, block.data, block.length, NULL), 0);
    assert_string_equal(input.body, "");
    assert_int_equal(input.body_length, 0);
    call_input_fini(&input);
    bytes_fini(&block);
}

static void test_every_truncation_is_refused(void **state)
{
    (void)state;
    struct bytes block = sample_block();
    for (size_t length = 0; length < block.length; length++) {
        struct call_input input;
        ferry_error error = {0};
        assert_int_equal(parse(&input, block.data, length, &error), FERRY_INVALID);
        assert_string_equal(error.message, "the call's input is damaged");
        assert_null(input.block); /* it was freed */
    }
    bytes_fini(&block);
}

static void test_bytes_behind_the_body_are_refused(void **state)
{
    (void)state;
    struct bytes block = sample_block();
    bytes_append_char(&block, '\0');
    struct call_input input;
    assert_int_equal(parse(&input, block.data, block.length, NULL), FERRY_INVALID);
    bytes_fini(&block);
}

/* Whatever a byte is changed to, the block is refused, or its strings end inside of it. */
static void test_no_changed_byte_leads_outside(void **state)
{
    (void)state;
    struct bytes block = sample_block();
    const char values[] = {0, 1, 'b', 'm', 0x7F, (char)0x80, (char)0xFF};
    for (size_t at = 0; at < block.length; at++) {
        for (size_t i = 0; i < COUNT_OF(values); i++) {
            char before = block.data[at];
            block.data[at] = values[i];
            struct call_input input;
            if (parse(&input, block.data, block.length, NULL) == 0) {
                assert_true(strlen(input.method) < block.length);
                assert_true(input.body_length < block.length);
                assert_int_equal(input.body[input.body_length], '\0');
                call_input_find(&input, CALL_HEADER, "there is none of this name");
                call_input_fini(&input);
            }
            block.data[at] = before;
        }
    }
    bytes_fini(&block);
}

static void test_a_block_without_method_or_body_is_refused(void **state)
{
    (void)state;
    struct bytes block = {0};
    struct call_input input;
    call_input_end(&block, "body", 4);
    assert_int_equal(parse(&input, block.data, block.length, NULL), FERRY_INVALID);
    bytes_clear(&block);
    call_input_add(&block, CALL_METHOD, "", "GET", 3);
    assert_int_equal(parse(&input, block.data, block.length, NULL), FERRY_INVALID);
    bytes_fini(&block);
    assert_int_equal(call_input_parse(&input, NULL, 0, NULL), FERRY_INVALID); /* a failed one */
}

static void test_a_value_past_32_bits_fails(void **state)
{
    (void)state;
    struct bytes block = {0};
    call_input_add(&block, CALL_BODY, "", "x", (size_t)UINT32_MAX + 1);
    assert_true(block.failed);
    bytes_fini(&block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_an_empty_body),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_bytes_behind_the_body_are_refused),
        cmocka_unit_test(test_no_changed_byte_leads_outside),
        cmocka_unit_test(test_a_block_without_method_or_body_is_refused),
        cmocka_unit_test(test_a_value_past_32_bits_fails),
    };
    return cmocka_run_group_tests_name("worker/call_input", tests, NULL, NULL);
}
