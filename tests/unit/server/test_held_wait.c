/* Held waits on a real queue and a real request. */
#include "jobs/fixture.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <ferry/http.h>

#include "held_wait.h"
#include "queue_struct.h"

enum { HOUR_MS = 3600000 };

static struct fixture fixture, *f = &fixture;
static ferry_http_server *server;
static ferry_request *request;
static struct held_waits waits;
static int client;
static bool has_ended;
static enum job_state ended_as;

static void on_request(ferry_request *asked, void *ctx)
{
    (void)ctx;
    request = asked;
}

static bool has_request(struct fixture *at)
{
    (void)at;
    return request != NULL;
}

/* Its client is this thread, before the loop runs. */
static void make_request(void)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    struct sockaddr_un peer = {.sun_family = AF_UNIX};
    ferry_error error = {0};
    char *address = text_printf("unix:%s/http", f->folder.path);
    assert_in_range(strlen(address), 0, sizeof peer.sun_path);
    strcpy(peer.sun_path, address + strlen("unix:"));
    server = ferry_http_server_new(f->loop, NULL);
    assert_int_equal(ferry_http_route(server, "GET", "/", on_request, NULL, &error), 0);
    assert_int_equal(ferry_http_listen(server, address, NULL, 0, &error), 0);
    free(address);
    client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&peer, sizeof peer), 0);
    assert_int_equal(send(client, text, sizeof text - 1, 0), sizeof text - 1);
    request = NULL;
    fixture_wait(f, has_request);
}

/* A job of a paused route waits: on disk it is queued, in its first version. */
static int set_up(void **ctx)
{
    (void)ctx;
    fixture_make(f);
    fixture_start(f);
    fixture_pause(f, "/echo", is_idle);
    fixture_add_committed(f, "/echo", "x");
    make_request();
    held_waits_init(&waits, f->loop, f->queue, 1, f->metrics);
    has_ended = false;
    return 0;
}

static int tear_down(void **ctx)
{
    (void)ctx;
    ferry_request_reply_text(request, 200, "");
    close(client);
    ferry_http_server_free(server);
    fixture_remove(f);
    return 0;
}

static void on_ended(void *arg, const struct job_record *record, enum job_state state)
{
    (void)arg, (void)record;
    has_ended = true;
    ended_as = state;
}

/* Wait for the job as one that was made earlier: it is looked up. */
static void begin(enum job_state state)
{
    struct queue_receipt receipt = {.outcome = QUEUE_REPEATED, .id = f->last_id, .state = state};
    struct held_wait *wait = held_wait_new(&waits, HOUR_MS);
    assert_non_null(wait);
    held_wait_begin(wait, &receipt, request, on_ended, NULL);
}

/* Look-ups are answered in their order, so that of the wait has been when this one is. */
static void end(void)
{
    fixture_get(f, f->last_id);
    assert_false(has_ended);
    held_waits_end_all(&waits);
    assert_true(has_ended);
}

static void what_is_found_counts_for_more_than_what_was_known(void **ctx)
{
    (void)ctx;
    begin(JOB_SCHEDULED);
    end();
    assert_int_equal(ended_as, JOB_QUEUED);
}

static void what_is_heard_meanwhile_counts_for_more_than_what_is_found(void **ctx)
{
    (void)ctx;
    begin(JOB_QUEUED);
    watches_tell(&f->queue->watches, f->last_id,
                 &(struct job_change){.state = JOB_RUNNING, .attempt = 1, .version = 2});
    end();
    assert_int_equal(ended_as, JOB_RUNNING);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_found_counts_for_more_than_what_was_known),
        TEST(what_is_heard_meanwhile_counts_for_more_than_what_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
