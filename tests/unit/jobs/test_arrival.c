/* What an entry of the journal says, as bytes: what goes in comes out, and what is no part is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arrival_group.h"
#include "job_id.h"

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

static struct settle_operation settle_with(char *type, char *result, size_t length)
{
    return (struct settle_operation){
        .key = {.job = 5, .token = INT64_MIN},
        .now_ms = 1700000000456,
        .result_status = 201,
        .result_type = type,
        .result = result,
        .result_length = length,
    };
}

static void an_arrival_comes_out_as_it_went_in(void **ctx)
{
    (void)ctx;
    char block[] = "with\0a NUL";
    struct insert_operation first = insert_with(block, sizeof block);
    struct insert_operation second = insert_with(block, 0);
    struct bytes entry = {0};
    struct arrival_part part;
    size_t at = 0;
    arrival_add(&entry, &first);
    arrival_add(&entry, &second);
    assert_int_equal(arrival_read(&entry, &at, &part), 1);
    assert_int_equal(part.kind, PART_ARRIVAL);
    expect_same(&part.arrival, &first);
    assert_int_equal(arrival_read(&entry, &at, &part), 1);
    expect_same(&part.arrival, &second);
    assert_int_equal(arrival_read(&entry, &at, &part), 0);
    bytes_fini(&entry);
}

static void so_does_an_ending(void **ctx)
{
    (void)ctx;
    char type[] = "text/plain", result[] = "r\0s";
    struct settle_operation settle = settle_with(type, result, sizeof result);
    struct bytes entry = {0};
    struct arrival_part part;
    size_t at = 0;
    arrival_add_ending(&entry, &settle);
    assert_int_equal(arrival_read(&entry, &at, &part), 1);
    assert_int_equal(part.kind, PART_ENDING);
    const struct ending *ending = &part.ending;
    assert_int_equal(ending->key.job, settle.key.job);
    assert_int_equal(ending->key.token, settle.key.token);
    assert_int_equal(ending->now_ms, settle.now_ms);
    assert_int_equal(ending->result_status, settle.result_status);
    assert_string_equal(ending->result_type, type);
    assert_int_equal(ending->result_length, sizeof result);
    assert_memory_equal(ending->result, result, sizeof result);
    assert_int_equal(arrival_read(&entry, &at, &part), 0);
    bytes_fini(&entry);
}

static void no_result_is_not_an_empty_one(void **ctx)
{
    (void)ctx;
    char type[] = "text/plain", empty[] = "";
    struct settle_operation none = settle_with(NULL, NULL, 0);
    struct settle_operation bare = settle_with(type, empty, 0);
    struct bytes entry = {0};
    struct arrival_part part;
    size_t at = 0;
    arrival_add_ending(&entry, &none);
    arrival_add_ending(&entry, &bare);
    assert_int_equal(arrival_read(&entry, &at, &part), 1);
    assert_null(part.ending.result_type);
    assert_null(part.ending.result);
    assert_int_equal(arrival_read(&entry, &at, &part), 1);
    assert_string_equal(part.ending.result_type, type);
    assert_non_null(part.ending.result);
    assert_int_equal(part.ending.result_length, 0);
    bytes_fini(&entry);
}

/* One of each. */
static struct bytes entry_of_both(size_t *first_length)
{
    static char block[] = "block", type[] = "text/plain", result[] = "result";
    struct insert_operation insert = insert_with(block, sizeof block);
    struct settle_operation settle = settle_with(type, result, sizeof result);
    struct bytes entry = {0};
    arrival_add(&entry, &insert);
    *first_length = entry.length;
    arrival_add_ending(&entry, &settle);
    return entry;
}

/* Read all of a copy that ends where the entry does, so that one byte more is a fault. Returns how
 * many parts it has, or a code. */
static int read_copy(const struct bytes *entry, size_t length)
{
    struct bytes copy = {.data = malloc(length ? length : 1), .length = length};
    struct arrival_part part;
    if (length > 0)
        memcpy(copy.data, entry->data, length);
    int count = 0, rc = 1;
    for (size_t at = 0; rc > 0; count += rc > 0)
        rc = arrival_read(&copy, &at, &part);
    free(copy.data);
    return rc < 0 ? rc : count;
}

static void a_piece_of_a_part_is_none(void **ctx)
{
    (void)ctx;
    size_t first;
    struct bytes entry = entry_of_both(&first);
    assert_int_equal(read_copy(&entry, 0), 0);
    assert_int_equal(read_copy(&entry, first), 1);
    assert_int_equal(read_copy(&entry, entry.length), 2);
    for (size_t length = 1; length < entry.length; length++) {
        if (length != first)
            assert_int_equal(read_copy(&entry, length), FERRY_INVALID);
    }
    bytes_fini(&entry);
}

static void no_byte_makes_it_read_beyond_its_end(void **ctx)
{
    (void)ctx;
    size_t first;
    struct bytes entry = entry_of_both(&first);
    for (size_t i = 0; i < entry.length; i++) {
        char was = entry.data[i];
        for (int value = 0; value < 256; value += 15) {
            entry.data[i] = (char)value;
            int count = read_copy(&entry, entry.length);
            assert_true(count >= 1 || count == FERRY_INVALID);
        }
        entry.data[i] = was;
    }
    bytes_fini(&entry);
}

/* It is looked for there before anybody sees that the entry has failed. */
static void a_job_for_which_there_was_no_memory_is_in_no_group(void **ctx)
{
    (void)ctx;
    unsigned char boot[RANDOM_ID_BYTES] = {0}, id[RANDOM_ID_BYTES];
    struct insert_operation insert = insert_with(NULL, 0);
    struct arrival_group *group = arrival_group_new(boot, 1);
    group->entry.failed = true;
    arrival_group_add(group, &insert);
    assert_true(job_id_parse(insert.id, id));
    assert_false(arrival_group_needs_row(group, id));
    arrival_group_free(group);
}

static void a_job_is_found_whatever_numbers_are_left_out(void **ctx)
{
    (void)ctx;
    static const unsigned char boot[RANDOM_ID_BYTES];
    static const int64_t numbers[] = {5, 6, 9, 10, 20};
    struct arrival_group *group = arrival_group_new(boot, 5);
    struct insert_operation insert = {.route = "/a", .worker = "noop"};
    unsigned found = 0;
    assert_non_null(group);
    random_id(insert.id);
    random_id(insert.delivery_id);
    for (size_t i = 0; i < 5; i++) {
        insert.claim = (struct claim_key){.job = numbers[i], .token = 1};
        arrival_group_add(group, &insert);
    }
    for (int64_t job = 0; job < 30; job++) {
        struct claim_key key = {.job = job, .token = 1};
        const struct arrival_place *place = arrival_group_find(group, &key);
        assert_true(!place || place->key.job == job);
        found += place != NULL;
    }
    assert_int_equal(found, 5);
    arrival_group_free(group);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arrival_comes_out_as_it_went_in),
        cmocka_unit_test(so_does_an_ending),
        cmocka_unit_test(no_result_is_not_an_empty_one),
        cmocka_unit_test(a_piece_of_a_part_is_none),
        cmocka_unit_test(no_byte_makes_it_read_beyond_its_end),
        cmocka_unit_test(a_job_for_which_there_was_no_memory_is_in_no_group),
        cmocka_unit_test(a_job_is_found_whatever_numbers_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
