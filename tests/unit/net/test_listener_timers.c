/*
 * A listener that is freed while it waits for a time of its own.
 */
#include "net/fixture.h"

#include <sys/resource.h>

enum { LONGER_MS = 150, ACCEPTED_AT_ONCE = 64 };

static bool has_logged;

static void look_for_refusal(void *arg, ferry_log_level level, const char *line, size_t length)
{
    (void)arg, (void)level;
    has_logged |= memmem(line, length, "cannot be accepted", 18) != NULL;
}

static bool is_true(void *arg)
{
    return *(bool *)arg;
}

static void set_true(void *arg)
{
    *(bool *)arg = true;
}

/* Run the loop without descriptors until the listener rests. */
static bool run_into_rest(struct fixture *f)
{
    struct rlimit limit, none;
    ferry_log_set_sink(look_for_refusal, NULL);
    getrlimit(RLIMIT_NOFILE, &limit);
    none = limit;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    bool rests = run_until(f->loop, is_true, &has_logged);
    setrlimit(RLIMIT_NOFILE, &limit);
    ferry_log_set_sink(NULL, NULL);
    return rests;
}

static void it_may_go_while_it_rests(void **state)
{
    (void)state;
    struct fixture f;
    bool is_over = false;
    fixture_open(&f, NULL);
    int fd = peer_open(fixture_address(&f));
    assert_true(run_into_rest(&f));
    ferry_stream_listener_free(f.listener);
    f.listener = NULL;
    ferry_loop_call_later(f.loop, LONGER_MS, set_true, &is_over);
    assert_true(run_until(f.loop, is_true, &is_over)); /* so the rest's own time was before */
    assert_int_equal(f.count, 0);
    close(fd);
    fixture_close(&f);
}

struct enough {
    ferry_stream_listener *listener;
    unsigned count;
};

static void free_when_it_yields(ferry_stream_listener *listener, ferry_stream *stream, void *ctx)
{
    struct enough *enough = ctx;
    ferry_stream_free(stream);
    if (++enough->count != ACCEPTED_AT_ONCE)
        return;
    ferry_stream_listener_free(listener);
    enough->listener = NULL;
}

static bool is_freed(void *arg)
{
    return !((struct enough *)arg)->listener;
}

static void it_may_go_while_it_yields(void **state)
{
    (void)state;
    struct fixture f;
    struct enough enough = {0};
    fixture_open(&f, NULL);
    enough.listener =
        ferry_stream_listen(f.loop, "127.0.0.1:0", NULL, free_when_it_yields, &enough, NULL);
    int fds[ACCEPTED_AT_ONCE];
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        assert_true((fds[i] = peer_open(ferry_stream_listener_address(enough.listener))) >= 0);
    assert_true(run_until(f.loop, is_freed, &enough));
    run_turns(f.loop);
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        close(fds[i]);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_may_go_while_it_rests),
        cmocka_unit_test(it_may_go_while_it_yields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
