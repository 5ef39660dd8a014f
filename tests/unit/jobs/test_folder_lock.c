/* The folder's lock: one holder, whoever asks, and none after its end. */
#include "folder.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "folder_lock.h"

static void a_second_one_is_told_who_has_it(void **ctx)
{
    (void)ctx;
    struct folder folder;
    folder_make(&folder);
    ferry_error error = {0};
    int fd = folder_lock_take(folder.path, &error);
    assert_true(fd >= 0);
    assert_int_equal(folder_lock_take(folder.path, &error), FERRY_CONFLICT);
    char pid[32];
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_non_null(strstr(error.message, pid));
    assert_non_null(strstr(error.message, folder.path));
    folder_lock_give_back(fd);
    fd = folder_lock_take(folder.path, &error);
    assert_true(fd >= 0);
    folder_lock_give_back(fd);
    folder_remove(&folder);
}

static void it_is_not_handed_to_a_program_that_is_started(void **ctx)
{
    (void)ctx;
    struct folder folder;
    folder_make(&folder);
    int fd = folder_lock_take(folder.path, NULL);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    folder_lock_give_back(fd);
    folder_remove(&folder);
}

static void a_killed_holder_holds_nothing(void **ctx)
{
    (void)ctx;
    struct folder folder;
    folder_make(&folder);
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        int fd = folder_lock_take(folder.path, NULL);
        if (write(ready[1], fd >= 0 ? "y" : "n", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    char has_it = 0;
    assert_int_equal(read(ready[0], &has_it, 1), 1);
    assert_int_equal(has_it, 'y');
    assert_int_equal(folder_lock_take(folder.path, NULL), FERRY_CONFLICT);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    int fd = folder_lock_take(folder.path, NULL);
    assert_true(fd >= 0);
    folder_lock_give_back(fd);
    close(ready[0]);
    close(ready[1]);
    folder_remove(&folder);
}

static void a_folder_that_is_not_writable_is_forbidden(void **ctx)
{
    (void)ctx;
    struct folder folder;
    folder_make(&folder);
    assert_int_equal(chmod(folder.path, 0555), 0);
    bool is_root = geteuid() == 0; /* whom no mode stops */
    if (is_root)
        assert_int_equal(seteuid(65534), 0);
    ferry_error error = {0};
    int rc = folder_lock_take(folder.path, &error);
    if (is_root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(rc, FERRY_FORBIDDEN);
    assert_non_null(strstr(error.message, folder.path));
    chmod(folder.path, 0755);
    folder_remove(&folder);
}

static void a_folder_that_is_not_there_is_an_error(void **ctx)
{
    (void)ctx;
    ferry_error error = {0};
    assert_int_equal(folder_lock_take("/nonexistent/ferry", &error), FERRY_INTERNAL);
    assert_non_null(strstr(error.message, "/nonexistent/ferry"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_one_is_told_who_has_it),
        cmocka_unit_test(it_is_not_handed_to_a_program_that_is_started),
        cmocka_unit_test(a_killed_holder_holds_nothing),
        cmocka_unit_test(a_folder_that_is_not_writable_is_forbidden),
        cmocka_unit_test(a_folder_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
