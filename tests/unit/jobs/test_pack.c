/* The format of a pack: what was put in comes out, and what is damaged is invalid: nothing beside
 * it is read, which the sanitizer sees, as each pack lies in memory of its own size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pack.h"

enum { JOBS = 5 };

static const unsigned char ids[JOBS][RANDOM_ID_BYTES] = {"id of one", "two", "three", "four", ""};
static const unsigned char deliveries[JOBS][RANDOM_ID_BYTES] = {"", "of two", "of 3", "4", "5"};

static const struct ended_job ended[JOBS] = {
    {.input_bytes = 5,
     .created_ms = 1000,
     .finished_ms = 2000,
     .result_status = 200,
     .result_type = "text/plain",
     .result = "ok",
     .result_length = 2},
    {.input_bytes = 0, .created_ms = 1, .finished_ms = 0}, /* has no result */
    {.input_bytes = INT64_MAX,
     .created_ms = INT64_MAX,
     .finished_ms = INT64_MAX,
     .result_status = 599,
     .result_type = "",
     .result = "a\0b",
     .result_length = 4},
    {.created_ms = -1, .result_status = 204, .result = ""}, /* an empty one is not none */
    {.result_status = 200, .result_type = "t"},             /* no body */
};

/* What was put in, and its copy, which is freed. */
struct columns {
    struct bytes ids, jobs;
    void *copy;
};

static void make(struct columns *columns)
{
    *columns = (struct columns){0};
    for (int i = 0; i < JOBS; i++) {
        struct ended_job job = ended[i];
        job.id = ids[i];
        job.delivery_id = deliveries[i];
        pack_add(&columns->ids, &columns->jobs, &job);
    }
    assert_false(columns->ids.failed || columns->jobs.failed);
}

static void fini(struct columns *columns)
{
    bytes_fini(&columns->ids);
    bytes_fini(&columns->jobs);
    free(columns->copy);
}

/* As it is read, with the first `length` bytes of its jobs; of none there is not even a pointer. */
static struct pack pack_of(struct columns *columns, size_t length)
{
    free(columns->copy);
    columns->copy = length > 0 ? malloc(length) : NULL;
    assert_true(columns->copy || length == 0);
    if (length > 0)
        memcpy(columns->copy, columns->jobs.data, length);
    return (struct pack){
        .first = 7,
        .route = "/r",
        .worker = "w",
        .ids = (const unsigned char *)columns->ids.data,
        .count = JOBS,
        .jobs = columns->copy,
        .length = length,
    };
}

/* Read a pack to its end. Returns 0 or FERRY_INVALID, and how many jobs it had. */
static int read_all(struct pack *pack, size_t *count)
{
    struct ended_job job;
    int rc;
    for (*count = 0; (rc = pack_next(pack, &job)) > 0; ++*count) {
        struct bytes seen = {0};
        bytes_append(&seen, job.id, RANDOM_ID_BYTES);
        bytes_append(&seen, job.delivery_id, RANDOM_ID_BYTES);
        if (job.result_type)
            bytes_append(&seen, job.result_type, strlen(job.result_type));
        if (job.result)
            bytes_append(&seen, job.result, job.result_length);
        bytes_fini(&seen);
    }
    return rc;
}

static void expect_text(const char *text, const char *expected)
{
    assert_int_equal(text != NULL, expected != NULL);
    if (text)
        assert_string_equal(text, expected);
}

static void expect_job(const struct ended_job *job, int i)
{
    const struct ended_job *expected = &ended[i];
    assert_int_equal(job->job, 7 + i);
    assert_string_equal(job->route, "/r");
    assert_string_equal(job->worker, "w");
    assert_memory_equal(job->id, ids[i], RANDOM_ID_BYTES);
    assert_memory_equal(job->delivery_id, deliveries[i], RANDOM_ID_BYTES);
    assert_true(job->input_bytes == expected->input_bytes);
    assert_true(job->created_ms == expected->created_ms);
    assert_true(job->finished_ms == expected->finished_ms);
    assert_int_equal(job->result_status, expected->result_status);
    expect_text(job->result_type, expected->result_type);
    assert_int_equal(job->result_length, expected->result_length);
    assert_int_equal(job->result != NULL, expected->result != NULL);
    if (job->result)
        assert_memory_equal(job->result, expected->result, expected->result_length);
}

static void each_job_comes_out_as_it_was_put_in(void **ctx)
{
    (void)ctx;
    struct columns columns;
    struct ended_job job;
    make(&columns);
    assert_int_equal(columns.ids.length, JOBS * RANDOM_ID_BYTES);
    struct pack pack = pack_of(&columns, columns.jobs.length);
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(pack_next(&pack, &job), 1);
        expect_job(&job, i);
    }
    assert_int_equal(pack_next(&pack, &job), 0);
    assert_int_equal(pack_next(&pack, &job), 0);
    fini(&columns);
}

static void an_empty_pack_has_none(void **ctx)
{
    (void)ctx;
    struct pack pack = {0};
    struct ended_job job;
    assert_int_equal(pack_next(&pack, &job), 0);
}

static void one_that_is_cut_anywhere_is_invalid_from_there_on(void **ctx)
{
    (void)ctx;
    struct columns columns;
    make(&columns);
    for (size_t length = 0; length < columns.jobs.length; length++) {
        size_t count;
        struct pack pack = pack_of(&columns, length);
        assert_int_equal(read_all(&pack, &count), FERRY_INVALID);
        assert_true(count < JOBS);
    }
    fini(&columns);
}

static void one_with_more_ids_than_jobs_or_fewer_is_invalid(void **ctx)
{
    (void)ctx;
    struct columns columns;
    size_t count;
    make(&columns);
    for (size_t ids_count = 0; ids_count < JOBS; ids_count++) {
        struct pack fewer = pack_of(&columns, columns.jobs.length);
        fewer.count = ids_count;
        assert_int_equal(read_all(&fewer, &count), FERRY_INVALID);
        assert_int_equal(count, ids_count);
    }
    struct pack more = pack_of(&columns, columns.jobs.length);
    more.count = JOBS + 1;
    assert_int_equal(read_all(&more, &count), FERRY_INVALID);
    assert_int_equal(count, JOBS);
    fini(&columns);
}

static void a_type_without_its_nul_is_invalid(void **ctx)
{
    (void)ctx;
    struct columns columns;
    size_t count;
    make(&columns);
    struct pack pack = pack_of(&columns, columns.jobs.length);
    char *type = memmem(columns.copy, columns.jobs.length, "text/plain", sizeof "text/plain");
    assert_non_null(type);
    type[sizeof "text/plain" - 1] = 'x';
    assert_int_equal(read_all(&pack, &count), FERRY_INVALID);
    assert_int_equal(count, 0);
    fini(&columns);
}

/* Lengths that are too long among them, up to 4 GiB. */
static void whatever_a_byte_becomes_nothing_beside_the_pack_is_read(void **ctx)
{
    (void)ctx;
    static const char bytes[] = {0, 1, '\x7f', '\xff'};
    struct columns columns;
    size_t count;
    make(&columns);
    for (size_t at = 0; at < columns.jobs.length; at++) {
        for (size_t i = 0; i < sizeof bytes; i++) {
            struct pack pack = pack_of(&columns, columns.jobs.length);
            ((char *)columns.copy)[at] = bytes[i];
            int rc = read_all(&pack, &count);
            assert_true(rc == FERRY_INVALID || count == JOBS);
        }
    }
    fini(&columns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_job_comes_out_as_it_was_put_in),
        cmocka_unit_test(an_empty_pack_has_none),
        cmocka_unit_test(one_that_is_cut_anywhere_is_invalid_from_there_on),
        cmocka_unit_test(one_with_more_ids_than_jobs_or_fewer_is_invalid),
        cmocka_unit_test(a_type_without_its_nul_is_invalid),
        cmocka_unit_test(whatever_a_byte_becomes_nothing_beside_the_pack_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
