/* What becomes of a request when its call is cancelled. */
#include "worker_run.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

extern const ferry_worker ferry_worker_webhook;

/* The call is cancelled once the peer has said all that it has to say. */
static atomic_bool has_answered;

bool __wrap_ferry_call_is_cancelled(const ferry_call *call);
bool __wrap_ferry_call_is_cancelled(const ferry_call *call)
{
    (void)call;
    return atomic_load(&has_answered);
}

/* ---- a peer ---- */

struct peer {
    int listener;
    char url[48];
    const char *answer;
    pthread_t thread;
};

/* Take a request, answer, and wait until the other side goes. */
static void *peer_serve(void *arg)
{
    const struct peer *peer = arg;
    char request[4096];
    size_t length = 0;
    int fd = accept(peer->listener, NULL, NULL);
    while (!memmem(request, length, "\r\n\r\nping", 8)) {
        ssize_t n = recv(fd, request + length, sizeof request - length, 0);
        if (n <= 0)
            break;
        length += (size_t)n;
    }
    send(fd, peer->answer, strlen(peer->answer), MSG_NOSIGNAL);
    atomic_store(&has_answered, true);
    while (recv(fd, request, sizeof request, 0) > 0)
        ;
    close(fd);
    return NULL;
}

static void peer_listen(struct peer *peer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(peer->listener, 1), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &length), 0);
    snprintf(peer->url, sizeof peer->url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
}

static struct worker_answer post_to(const struct peer *peer)
{
    const struct worker_setting settings[] = {{.key = "url", .values = {peer->url}}, {0}};
    struct worker_run run = worker_run_open(&ferry_worker_webhook, settings);
    struct worker_answer answer =
        worker_run_call(&run, &(struct worker_question){.body = "ping", .delivery_id = "id"});
    worker_run_close(&run);
    return answer;
}

/* Post to a peer that answers this, and is told then that nobody wants to know. */
static struct worker_answer post(const char *text)
{
    struct peer peer = {.answer = text};
    peer_listen(&peer);
    atomic_store(&has_answered, false);
    assert_int_equal(pthread_create(&peer.thread, NULL, peer_serve, &peer), 0);
    struct worker_answer answer = post_to(&peer);
    pthread_join(peer.thread, NULL);
    close(peer.listener);
    return answer;
}

/* ---- tests ---- */

static void test_an_answer_that_is_there_counts_though_it_was_cancelled(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npong",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npong\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct worker_answer answer = post(answers[i]);
        if (answer.code)
            fail_msg("%zu: %s", i, answer.message);
        assert_int_equal(answer.status, 200);
        worker_answer_fini(&answer);
    }
}

static void test_the_rest_of_an_answer_is_not_waited_for(void **state)
{
    (void)state;
    assert_answer_failed(post("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\npong"), FERRY_CANCELLED,
                         "cancelled while talking to 127.0.0.1");
    assert_answer_failed(post(""), FERRY_CANCELLED, "cancelled");
}

static void test_a_call_that_is_cancelled_already_sends_nothing(void **state)
{
    (void)state;
    struct peer peer = {0};
    peer_listen(&peer);
    atomic_store(&has_answered, true);
    assert_answer_failed(post_to(&peer), FERRY_CANCELLED, "cancelled");
    struct pollfd caller = {.fd = peer.listener, .events = POLLIN};
    assert_int_equal(poll(&caller, 1, 0), 0);
    close(peer.listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_that_is_there_counts_though_it_was_cancelled),
        cmocka_unit_test(test_the_rest_of_an_answer_is_not_waited_for),
        cmocka_unit_test(test_a_call_that_is_cancelled_already_sends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
