/* The reserve, where the disk has room. What it does where that is full: test_disk_full.py. */
#include "folder.h"

#include "reserve.h"

enum { WHOLE_BYTES = 8 << 20 };

static struct folder folder;
static struct reserve *reserve;

static int setup(void **state)
{
    (void)state;
    folder_make(&folder);
    reserve = reserve_new(folder.database);
    assert_non_null(reserve);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    reserve_free(reserve);
    folder_remove(&folder);
    return 0;
}

static struct stat look(void)
{
    char path[128];
    struct stat file;
    snprintf(path, sizeof path, "%s-reserve", folder.database);
    assert_int_equal(stat(path, &file), 0);
    return file;
}

static void it_takes_up_room_and_is_nobody_elses(void **state)
{
    (void)state;
    reserve_keep(reserve);
    struct stat file = look();
    assert_int_equal(file.st_size, WHOLE_BYTES);
    assert_true(file.st_blocks >= WHOLE_BYTES / 512);
    assert_int_equal(file.st_mode & 0777, 0600);
}

/* It was given up, or a copy has made it of holes. */
static void what_is_missing_of_it_is_made_up_for(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s-reserve", folder.database);
    for (off_t left = 0; left <= WHOLE_BYTES / 4; left += WHOLE_BYTES / 4) {
        reserve_keep(reserve);
        assert_int_equal(truncate(path, left), 0);
        assert_int_equal(truncate(path, WHOLE_BYTES), 0);
        reserve_free(reserve); /* as it looks now and then only */
        reserve = reserve_new(folder.database);
        reserve_keep(reserve);
        assert_true(look().st_blocks >= WHOLE_BYTES / 512);
    }
}

static void it_is_not_given_up_where_there_is_room(void **state)
{
    (void)state;
    reserve_give(reserve, 0); /* there is none yet */
    reserve_keep(reserve);
    reserve_give(reserve, 0);
    assert_int_equal(look().st_size, WHOLE_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_takes_up_room_and_is_nobody_elses, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_missing_of_it_is_made_up_for, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_not_given_up_where_there_is_room, setup, teardown),
    };
    return cmocka_run_group_tests_name("jobs/reserve", tests, NULL, NULL);
}
