/*
 * What a connection does in one turn of the loop.
 */
#include "http/kept.h"

enum { PIPELINED = 200 };

struct turns {
    struct fixture *f;
    unsigned kept; /* as of the turn before */
    unsigned most; /* in one turn */
};

static void count_and_reply(ferry_request *request, void *ctx)
{
    (void)ctx;
    kept_count++;
    ferry_request_reply_text(request, 200, "x");
}

static void look_each_turn(void *arg)
{
    struct turns *turns = arg;
    unsigned more = kept_count - turns->kept;
    turns->kept = kept_count;
    if (more > turns->most)
        turns->most = more;
    if (kept_count < PIPELINED)
        ferry_loop_add_callback(turns->f->loop, look_each_turn, turns, NULL);
}

static void who_sends_many_requests_leaves_others_their_turn(void **state)
{
    (void)state;
    struct fixture f;
    kept_count = 0;
    fixture_open(&f, NULL);
    fixture_route(&f, "GET", "/count", count_and_reply, NULL);
    int fd = client_connect(f.address);
    for (unsigned i = 0; i < PIPELINED; i++)
        client_send(fd, "GET /count HTTP/1.1\r\nHost: h\r\n\r\n");
    struct turns turns = {.f = &f};
    ferry_loop_add_callback(f.loop, look_each_turn, &turns, NULL);
    wait_for_kept(&f, PIPELINED);
    assert_in_range(turns.most, 1, 4); /* it may look at the end of one turn and the next */
    close(fd);
    wait_for_connections(&f, 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_sends_many_requests_leaves_others_their_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
