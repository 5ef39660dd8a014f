/* A group of new jobs as bytes: what goes in comes out, and what is no group is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arrival.h"
#include "job_id.h"

static const unsigned char boot[RANDOM_ID_BYTES] = "a process it is";

static struct insert_operation insert_with(char *block, size_t length)
{
    struct insert_operation insert = {
        .route = "/users/{id}",
        .worker = "mylib",
        .created_ms = 1700000000123,
        .block = block,
        .length = length,
        .claim = {.job = INT64_MAX - 1, .token = -5},
    };
    random_id(insert.id);
    random_id(insert.delivery_id);
    return insert;
}

static void expect_id(const unsigned char *bits, const char *id)
{
    char text[RANDOM_ID_TEXT_SIZE];
    job_id_format(bits, text);
    assert_string_equal(text, id);
}

static void expect_same(const struct arrival *arrival, const struct insert_operation *insert)
{
    assert_int_equal(arrival->key.job, insert->claim.job);
    assert_int_equal(arrival->key.token, insert->claim.token);
    assert_int_equal(arrival->created_ms, insert->created_ms);
    expect_id(arrival->id, insert->id);
    expect_id(arrival->delivery_id, insert->delivery_id);
    assert_string_equal(arrival->route, insert->route);
    assert_string_equal(arrival->worker, insert->worker);
    assert_int_equal(arrival->length, insert->length);
    assert_memory_equal(arrival->block, insert->block, insert->length);
}

static void what_goes_in_comes_out(void **ctx)
{
    (void)ctx;
    char block[] = "with\0a NUL";
    struct insert_operation first = insert_with(block, sizeof block);
    struct insert_operation second = insert_with(block, 0);
    struct bytes group = {0};
    struct arrival arrival;
    arrival_begin(&group, boot);
    arrival_add(&group, &first);
    arrival_add(&group, &second);
    assert_memory_equal(arrival_boot(&group), boot, sizeof boot);
    size_t at = arrival_first();
    assert_int_equal(arrival_read(&group, &at, &arrival), 1);
    expect_same(&arrival, &first);
    assert_int_equal(arrival_read(&group, &at, &arrival), 1);
    expect_same(&arrival, &second);
    assert_int_equal(arrival_read(&group, &at, &arrival), 0);
    bytes_fini(&group);
}

/* Read all of a copy that ends where the group does, so that one byte more is a fault. Returns how
 * many records it has, or a code. */
static int read_copy(const struct bytes *group, size_t length)
{
    struct bytes copy = {.data = malloc(length ? length : 1), .length = length};
    struct arrival arrival;
    memcpy(copy.data, group->data, length);
    int count = 0, rc = arrival_boot(&copy) ? 1 : FERRY_INVALID;
    for (size_t at = arrival_first(); rc > 0; count += rc > 0)
        rc = arrival_read(&copy, &at, &arrival);
    free(copy.data);
    return rc < 0 ? rc : count;
}

static void a_part_of_a_record_is_none(void **ctx)
{
    (void)ctx;
    char block[] = "block";
    struct insert_operation insert = insert_with(block, sizeof block);
    struct bytes group = {0};
    arrival_begin(&group, boot);
    assert_int_equal(read_copy(&group, group.length), 0);
    arrival_add(&group, &insert);
    assert_int_equal(read_copy(&group, group.length), 1);
    for (size_t length = 0; length < group.length; length++) {
        if (length != arrival_first())
            assert_int_equal(read_copy(&group, length), FERRY_INVALID);
    }
    bytes_fini(&group);
}

static void no_byte_makes_it_read_beyond_its_end(void **ctx)
{
    (void)ctx;
    char block[] = "block";
    struct insert_operation insert = insert_with(block, sizeof block);
    struct bytes group = {0};
    arrival_begin(&group, boot);
    arrival_add(&group, &insert);
    for (size_t i = 0; i < group.length; i++) {
        char was = group.data[i];
        group.data[i] = (char)0xff;
        int count = read_copy(&group, group.length);
        assert_true(count == 1 || count == FERRY_INVALID);
        group.data[i] = was;
    }
    bytes_fini(&group);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(a_part_of_a_record_is_none),
        cmocka_unit_test(no_byte_makes_it_read_beyond_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
