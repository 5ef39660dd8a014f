/*
 * libcurl's multi interface, driven by a loop.
 *
 * libcurl says which sockets it waits for, and until when; it is told what happened. Each socket
 * has a watch, from libcurl's first word on it to CURL_POLL_REMOVE, which comes before the socket
 * is closed. libcurl must not be called from the function in which it sets its timer.
 */
#include "curl_loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

struct watch {
    struct curl_loop *driver;
    struct event event;
};

/* Tell libcurl, and then those whose transfers are over. */
static void curl_loop_drive(struct curl_loop *driver, curl_socket_t fd, int what)
{
    int running, left;
    CURLMsg *message;
    driver->is_busy = true;
    curl_multi_socket_action(driver->multi, fd, what, &running);
    driver->is_busy = false;
    while ((message = curl_multi_info_read(driver->multi, &left))) {
        if (message->msg == CURLMSG_DONE)
            driver->done(message->easy_handle, message->data.result);
    }
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    const struct watch *watch = arg;
    int action = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
    curl_loop_drive(watch->driver, fd, action); /* the watch may be gone now */
}

static int watch_end(CURLM *multi, curl_socket_t fd, struct watch *watch)
{
    curl_multi_assign(multi, fd, NULL);
    if (watch)
        event_del(&watch->event);
    free(watch);
    return 0;
}

static int on_socket(CURL *curl, curl_socket_t fd, int wanted, void *arg, void *watch_arg)
{
    (void)curl;
    struct curl_loop *driver = arg;
    struct watch *watch = watch_arg;
    if (wanted == CURL_POLL_REMOVE)
        return watch_end(driver->multi, fd, watch);
    short what = (short)(EV_PERSIST | (wanted & CURL_POLL_IN ? EV_READ : 0) |
                         (wanted & CURL_POLL_OUT ? EV_WRITE : 0));
    if (watch) {
        event_del(&watch->event);
    } else {
        watch = calloc(1, sizeof *watch);
        if (!watch)
            return -1;
        watch->driver = driver;
        curl_multi_assign(driver->multi, fd, watch);
    }
    event_assign(&watch->event, loop_event_base(driver->loop), fd, what, on_event, watch);
    return event_add(&watch->event, NULL);
}

static void on_timer(void *arg)
{
    struct curl_loop *driver = arg;
    driver->timer = 0;
    curl_loop_drive(driver, CURL_SOCKET_TIMEOUT, 0);
}

static int on_set_timer(CURLM *multi, long delay_ms, void *arg)
{
    (void)multi;
    struct curl_loop *driver = arg;
    ferry_loop_cancel(driver->loop, driver->timer);
    driver->timer = 0;
    if (delay_ms >= 0)
        driver->timer = ferry_loop_call_later(driver->loop, delay_ms, on_timer, driver);
    return delay_ms >= 0 && !driver->timer ? -1 : 0;
}

bool curl_loop_init(struct curl_loop *driver, ferry_loop *loop, curl_loop_done *done)
{
    *driver = (struct curl_loop){.loop = loop, .multi = curl_multi_init(), .done = done};
    return driver->multi &&
           curl_multi_setopt(driver->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           curl_multi_setopt(driver->multi, CURLMOPT_SOCKETDATA, driver) == CURLM_OK &&
           curl_multi_setopt(driver->multi, CURLMOPT_TIMERFUNCTION, on_set_timer) == CURLM_OK &&
           curl_multi_setopt(driver->multi, CURLMOPT_TIMERDATA, driver) == CURLM_OK;
}

void curl_loop_fini(struct curl_loop *driver)
{
    curl_multi_cleanup(driver->multi);
    driver->multi = NULL;
    ferry_loop_cancel(driver->loop, driver->timer);
}
