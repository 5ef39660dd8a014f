/* Workers that wait for a peer: a cancel is seen at once. */
#include "worker_run.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libcurl.h"

extern const ferry_worker ferry_worker_email, ferry_worker_fetch, ferry_worker_sms,
    ferry_worker_webhook;

/* Nobody sees that the call was cancelled, who looks by himself. */
static atomic_bool is_told;

bool __wrap_ferry_call_is_cancelled(const ferry_call *call);
bool __wrap_ferry_call_is_cancelled(const ferry_call *call)
{
    (void)call;
    return atomic_load(&is_told);
}

static struct libcurl real;

static CURLMcode tell(CURLM *multi)
{
    atomic_store(&is_told, true);
    return real.curl_multi_wakeup_(multi);
}

/* ---- a peer that says nothing ---- */

static int peer_listen(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return listener;
}

static bool has_connected(void *arg)
{
    struct pollfd listener = {.fd = *(int *)arg, .events = POLLIN};
    return poll(&listener, 1, 0) == 1;
}

static void expect_told(const ferry_worker *kind, const char *key, const char *scheme,
                        const char *path, const struct worker_setting *more, const char *body)
{
    int port, listener = peer_listen(&port);
    char url[48];
    snprintf(url, sizeof url, "%s://127.0.0.1:%d%s", scheme, port, path);
    struct worker_setting settings[4] = {{.key = key, .values = {url}}};
    for (size_t i = 1; more && more->key; i++)
        settings[i] = *more++;
    struct worker_run run = worker_run_open(kind, settings);
    atomic_store(&is_told, false);
    assert_answer_failed(
        worker_run_call(&run, &(struct worker_question){.body = body,
                                                        .delivery_id = "id",
                                                        .cancel_when = has_connected,
                                                        .arg = &listener}),
        FERRY_CANCELLED, "cancelled while talking to");
    worker_run_close(&run);
    close(listener);
}

static void test_each_is_told(void **state)
{
    (void)state;
    const struct worker_setting from[] = {{.key = "from", .values = {"a@b.c"}}, {0}};
    expect_told(&ferry_worker_fetch, "url", "http", "/", NULL, "");
    expect_told(&ferry_worker_webhook, "url", "http", "/", NULL, "ping");
    expect_told(&ferry_worker_sms, "url", "http", "/{{to}}/{{text}}", NULL,
                "{\"to\": \"+491701234567\", \"text\": \"t\"}");
    expect_told(&ferry_worker_email, "relay", "smtp", "", from,
                "{\"to\": \"a@b.c\", \"subject\": \"s\", \"text\": \"t\"}");
}

static int stand_between(void **state)
{
    (void)state;
    if (libcurl_load())
        return -1;
    real = libcurl;
    libcurl.curl_multi_wakeup_ = tell;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_is_told),
    };
    return cmocka_run_group_tests(tests, stand_between, NULL);
}
