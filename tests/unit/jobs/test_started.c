/* Which claimed jobs have started: what a later process reads of it. */
#include "folder.h"

#include <fcntl.h>

#include "started.h"

static struct folder folder;
static const unsigned char boot[RANDOM_ID_BYTES] = "a boot";

static int set_up(void **ctx)
{
    (void)ctx;
    folder_make(&folder);
    return 0;
}

static int tear_down(void **ctx)
{
    (void)ctx;
    folder_remove(&folder);
    return 0;
}

static int note(struct started *started, const struct claim_key *key)
{
    int place = started_reserve(started);
    started_note(started, place, key);
    return place;
}

static void what_has_started_is_known_to_the_next_process(void **ctx)
{
    (void)ctx;
    const struct claim_key first = {7, 70}, second = {8, 80}, other = {7, 71};
    struct started *started = started_new(folder.path, boot);
    assert_true(note(started, &first) >= 0);
    started_forget(started, note(started, &second));
    started_free(
        started); /* as a process that is killed leaves it: nothing is written at the end */
    struct started *before = started_read(folder.path);
    assert_non_null(before);
    assert_memory_equal(started_boot(before), boot, sizeof boot);
    assert_true(started_has(before, &first));
    assert_false(started_has(before, &other));
    started_free(before);
}

static void what_has_a_place_and_has_not_begun_is_not_known(void **ctx)
{
    (void)ctx;
    const struct claim_key waits = {7, 70}, runs = {8, 80};
    struct started *started = started_new(folder.path, boot);
    assert_true(started_reserve(started) >= 0);
    assert_true(note(started, &runs) >= 0);
    struct started *before = started_read(folder.path);
    assert_true(started_has(before, &runs));
    assert_false(started_has(before, &waits));
    started_free(before);
    started_free(started);
}

static void it_stays_until_the_last_has_given_it_up(void **ctx)
{
    (void)ctx;
    const struct claim_key key = {7, 70};
    struct started *started = started_new(folder.path, boot);
    struct started *kept = started_ref(started);
    started_free(started);
    assert_true(note(kept, &key) >= 0);
    started_free(kept);
    struct started *before = started_read(folder.path);
    assert_true(started_has(before, &key));
    started_free(before);
    assert_null(started_ref(NULL));
}

static void a_place_is_used_again_when_its_job_has_ended(void **ctx)
{
    (void)ctx;
    struct started *started = started_new(folder.path, boot);
    for (int i = 1; i < 20000; i++)
        started_forget(started, note(started, &(struct claim_key){i, i}));
    const struct claim_key last = {20000, 20000};
    assert_true(note(started, &last) >= 0);
    started_free(started);
    struct started *before = started_read(folder.path);
    assert_true(started_has(before, &last));
    started_free(before);
}

static void one_that_found_no_place_makes_the_file_say_nothing_until_it_ends(void **ctx)
{
    (void)ctx;
    struct started *started = started_new(folder.path, boot);
    int place = 0;
    for (int i = 1; place >= 0; i++)
        place = note(started, &(struct claim_key){i, i});
    assert_int_equal(place, STARTED_MISSING);
    assert_null(started_read(folder.path));
    started_forget(started, place);
    struct started *before = started_read(folder.path);
    assert_non_null(before);
    started_free(before);
    started_free(started);
}

static void overwrite(off_t offset)
{
    char path[128];
    snprintf(path, sizeof path, "%s/started", folder.path);
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "?", 1, offset), 1);
    close(fd);
}

static void the_file_of_another_start_of_the_machine_says_nothing(void **ctx)
{
    (void)ctx;
    assert_null(started_read(folder.path)); /* as none does */
    started_free(started_new(folder.path, boot));
    overwrite(16 + 8); /* in the kernel's boot id */
    assert_null(started_read(folder.path));
    started_free(started_new(folder.path, boot));
    overwrite(0); /* a file of something else */
    assert_null(started_read(folder.path));
}

static void where_there_is_no_file_a_job_is_noted_nowhere(void **ctx)
{
    (void)ctx;
    assert_null(started_new("/proc/no-such-folder", boot));
    int place = note(NULL, &(struct claim_key){1, 1});
    assert_int_equal(place, STARTED_NOWHERE);
    started_forget(NULL, place);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_has_started_is_known_to_the_next_process),
        TEST(what_has_a_place_and_has_not_begun_is_not_known),
        TEST(it_stays_until_the_last_has_given_it_up),
        TEST(a_place_is_used_again_when_its_job_has_ended),
        TEST(one_that_found_no_place_makes_the_file_say_nothing_until_it_ends),
        TEST(the_file_of_another_start_of_the_machine_says_nothing),
        TEST(where_there_is_no_file_a_job_is_noted_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
