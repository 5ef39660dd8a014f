/*
 * TLS handshakes on bufferevents, with a deadline. There is no way from here to plain text: when
 * anything fails the socket is closed. Loop thread.
 */
#include "handshake.h"

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct handshake {
    struct handshake_plan plan; /* `tls` and `name` are not kept */
    struct bufferevent *bev;
    ferry_timer timer;
};

struct bufferevent *handshake_plain(ferry_loop *loop, int fd)
{
    struct bufferevent *bev =
        bufferevent_socket_new(loop_event_base(loop), fd, BEV_OPT_CLOSE_ON_FREE);
    if (!bev)
        close(fd);
    return bev;
}

/* ---- the end ---- */

static void handshake_end(struct handshake *handshake, const ferry_error *error)
{
    struct handshake_plan plan = handshake->plan;
    struct bufferevent *bev = handshake->bev;
    ferry_loop_cancel(plan.loop, handshake->timer);
    free(handshake);
    bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
    if (error) {
        bufferevent_free(bev);
        bev = NULL;
    }
    plan.done(plan.arg, bev, error);
}

static void failure_of(struct bufferevent *bev, ferry_error *error)
{
    int number = EVUTIL_SOCKET_ERROR();
    SSL *ssl = bufferevent_openssl_get_ssl(bev);
    bool verifies = SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE;
    long verdict = verifies ? SSL_get_verify_result(ssl) : X509_V_OK;
    unsigned long tls = bufferevent_get_openssl_error(bev);
    const char *reason = tls ? ERR_reason_error_string(tls) : number ? strerror(number) : NULL;
    if (verdict != X509_V_OK)
        ferry_error_set(error, FERRY_UNAUTHORIZED, "the certificate is refused: %s",
                        X509_verify_cert_error_string(verdict));
    else
        ferry_error_set(error, FERRY_TRANSIENT, "the TLS handshake failed: %s",
                        reason ? reason : "the peer left");
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct handshake *handshake = arg;
    ferry_error error;
    if (what & BEV_EVENT_CONNECTED) {
        handshake_end(handshake, NULL);
    } else if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) {
        failure_of(bev, &error);
        handshake_end(handshake, &error);
    }
}

static void on_deadline(void *arg)
{
    ferry_error error;
    ferry_error_set(&error, FERRY_DEADLINE, "the TLS handshake took too long");
    handshake_end(arg, &error);
}

/* ---- the beginning ---- */

static struct bufferevent *bufferevent_of(int fd, const struct handshake_plan *plan)
{
    SSL *ssl = tls_connection_new(plan->tls, plan->name);
    struct bufferevent *bev = NULL;
    if (ssl)
        bev = bufferevent_openssl_socket_new(loop_event_base(plan->loop), fd, ssl,
                                             plan->name ? BUFFEREVENT_SSL_CONNECTING
                                                        : BUFFEREVENT_SSL_ACCEPTING,
                                             BEV_OPT_CLOSE_ON_FREE);
    if (!bev)
        close(fd); /* and libevent has freed `ssl` */
    return bev;
}

struct handshake *handshake_start(int fd, const struct handshake_plan *plan)
{
    struct handshake *handshake = calloc(1, sizeof *handshake);
    if (!handshake) {
        close(fd);
        return NULL;
    }
    handshake->plan = *plan;
    handshake->bev = bufferevent_of(fd, plan);
    if (!handshake->bev) {
        free(handshake);
        return NULL;
    }
    bufferevent_setcb(handshake->bev, NULL, NULL, on_event, handshake);
    bufferevent_enable(handshake->bev, EV_READ | EV_WRITE);
    if (plan->timeout_ms >= 0)
        handshake->timer =
            ferry_loop_call_later(plan->loop, plan->timeout_ms, on_deadline, handshake);
    if (plan->timeout_ms >= 0 && !handshake->timer) { /* a handshake without a deadline is none */
        handshake_cancel(handshake);
        return NULL;
    }
    return handshake;
}

void handshake_cancel(struct handshake *handshake)
{
    ferry_loop_cancel(handshake->plan.loop, handshake->timer);
    bufferevent_free(handshake->bev);
    free(handshake);
}
