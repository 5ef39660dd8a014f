/* Crashes: a process that is killed while its jobs run, and the next one. */
#include "one_fixture.h"

#include "ahead.h"
#include "dispatch.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

/* ---- a real one: this program again, in its role as the victim ---- */

static bool is_running_two(struct fixture *at)
{
    return atomic_load(&fakes.running) == 2 && at->accepted == 3;
}

static int tell_parent(void)
{
    if (write(STDOUT_FILENO, "running\n", 8) != 8)
        return 1;
    for (;;)
        pause();
}

static bool is_running_one(struct fixture *at)
{
    (void)at;
    return atomic_load(&fakes.running) == 1;
}

/* Two jobs run and one waits when we tell our parent. */
static int victim_two(struct fixture *victim)
{
    victim->pool.slots = 2;
    fixture_start(victim);
    for (int i = 0; i < 3; i++)
        fixture_add(victim, "/gate", "x");
    fixture_wait(victim, is_running_two);
    return tell_parent();
}

static bool is_full_house(struct fixture *at)
{
    return atomic_load(&fakes.running) == 1 && at->accepted == 10 &&
           fixture_metric(at, "ferry_jobs{state=\"running\"}") > 1;
}

/* A long job runs in the only slot, and short ones are claimed ahead of it when we tell our parent.
 */
static int victim_ahead(struct fixture *victim)
{
    victim->pool.slots = 1;
    fixture_start(victim);
    while (ahead_limit(dispatch_route_find(victim->queue, "/echo")) < 10) {
        fixture_add_committed(victim, "/echo", "x");
        fixture_wait(victim, is_idle);
    }
    fixture_add_committed(victim, "/gate", "x");
    fixture_wait(victim, is_running_one);
    victim->accepted = 0;
    for (int i = 0; i < 10; i++)
        fixture_add(victim, "/echo", "x");
    fixture_wait(victim, is_full_house);
    return tell_parent();
}

static int victim_main(const char *folder, const char *kind)
{
    struct fixture victim;
    fixture_make(&victim);
    folder_remove(&victim.folder);
    snprintf(victim.folder.path, sizeof victim.folder.path, "%s", folder);
    victim.options.folder = victim.folder.path;
    return strcmp(kind, "ahead") == 0 ? victim_ahead(&victim) : victim_two(&victim);
}

static void kill_a_victim(const char *kind)
{
    int out[2];
    char said[8];
    assert_int_equal(pipe(out), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(out[1], STDOUT_FILENO);
        execl("/proc/self/exe", "victim", f->folder.path, kind, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    assert_int_equal(read(out[0], said, sizeof said), sizeof said);
    close(out[0]);
    kill(child, SIGKILL);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

static int jobs_wanted;

static bool has_succeeded(struct fixture *at)
{
    return fixture_metric(at, "ferry_jobs{state=\"succeeded\"}") == jobs_wanted &&
           queue_is_idle(at->queue);
}

static void jobs_of_a_killed_process_run_again(void **ctx)
{
    (void)ctx;
    kill_a_victim("two");
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs WHERE state = 2"), 2);
    fixture_open(f);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs WHERE state = 1"), 3);
    assert_int_equal(folder_query(&f->folder, "SELECT sum(crashes) FROM jobs"), 2);
    assert_int_equal(folder_query(&f->folder, "SELECT sum(attempt) FROM jobs"), 0);
    assert_true(fixture_metric(
                    f, "ferry_job_attempts_total{route=\"/gate\",outcome=\"interrupted\"}") == 2);
    gate_set(true);
    queue_start(f->queue);
    jobs_wanted = 3;
    fixture_wait(f, has_succeeded);
    assert_int_equal(folder_query(&f->folder, "SELECT sum(attempt) FROM jobs"), 3);
    assert_int_equal(folder_query(&f->folder, "SELECT sum(crashes) FROM jobs"), 2);
}

static void jobs_that_were_claimed_ahead_count_no_crash(void **ctx)
{
    (void)ctx;
    kill_a_victim("ahead");
    /* Some are in the journal only. */
    assert_true(folder_query(&f->folder, "SELECT count(*) FROM jobs WHERE state = 2") < 11);
    fixture_open(f);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs WHERE state = 1"), 11);
    assert_int_equal(folder_query(&f->folder, "SELECT sum(crashes) FROM jobs"), 1);
    assert_int_equal(folder_query(&f->folder, "SELECT crashes FROM jobs WHERE route = '/gate'"), 1);
}

static void a_job_that_was_running_at_every_crash_is_dead_in_the_end(void **ctx)
{
    (void)ctx;
    f->options.max_crashes = 2;
    kill_a_victim("two"); /* adds three jobs, two of which run */
    fixture_open(f);
    fixture_close(f);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs WHERE state = 5"), 0);
    folder_sql(&f->folder, "UPDATE jobs SET state = 2, attempt = 1, boot = zeroblob(16), token = 5"
                           " WHERE crashes = 1");
    fixture_open(f);
    assert_int_equal(folder_query(&f->folder, "SELECT count(*) FROM jobs WHERE state = 5"), 2);
    assert_int_equal(folder_query(&f->folder,
                                  "SELECT count(*) FROM jobs WHERE state = 5 AND crashes = 2 AND"
                                  " error IS NOT NULL AND finished_ms > 0"),
                     2);
    assert_true(fixture_metric(f, "ferry_jobs{state=\"dead\"}") == 2);
    assert_true(fixture_metric(f, "ferry_jobs{state=\"queued\"}") == 1);
}

static void without_a_bound_crashes_never_kill_a_job(void **ctx)
{
    (void)ctx;
    f->options.max_crashes = 0;
    fixture_open(f);
    fixture_add_committed(f, "/echo", "x");
    fixture_close(f);
    folder_sql(&f->folder, "UPDATE jobs SET state = 2, attempt = 1, boot = zeroblob(16),"
                           " crashes = 1000, token = 5");
    fixture_start(f);
    jobs_wanted = 1;
    fixture_wait(f, has_succeeded);
    assert_int_equal(fixture_get(f, f->last_id)->crashes, 1001);
    assert_int_equal(f->record.attempt, 1);
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return victim_main(argv[1], argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(jobs_of_a_killed_process_run_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(jobs_that_were_claimed_ahead_count_no_crash, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_job_that_was_running_at_every_crash_is_dead_in_the_end,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_bound_crashes_never_kill_a_job, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
