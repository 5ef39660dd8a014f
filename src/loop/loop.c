/*
 * The loop: libevent's dispatch, with a mailbox and timers of its own.
 *
 * Everything belongs to the loop's thread but the mailbox and the reference count. The event base
 * has no locks: other threads reach it through the mailbox's descriptor only. A turn runs what is
 * readable, at most MAILBOX_BUDGET posted callbacks (fewer where some take a share), and what is
 * due; a full mailbox does not keep sockets waiting.
 *
 * Shutdown: ferry_loop_free tells the closers, which may still run what is posted; then it closes
 * the mailbox, so that threads which still hold a reference are refused from then on, and frees the
 * rest with the last reference.
 */
#include "loop_base.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ferry/log.h>

#include "clock.h"
#include "event_log.h"
#include "fd_handlers.h"
#include "misuse.h"
#include "posted.h"
#include "timer.h"

enum { MAILBOX_BUDGET = 1024, SPIN_US = 10 };

struct signal_handler {
    struct signal_handler *next;
    ferry_signal id;
    struct event *event;
    ferry_callback *fn;
    void *arg;
};

struct ferry_loop {
    atomic_uint references;
    _Atomic(pthread_t) owner;
    atomic_int owner_tid;  /* to name the thread, also after it has ended */
    atomic_bool is_inside; /* somebody runs it, or frees it: neither may begin within the other */
    bool stop;
    size_t budget; /* so many posted callbacks may yet run in this turn */
    bool has_run;
    bool closing;
    struct mailbox mailbox;
    struct timers timers;
    struct event_base *base;
    struct event *wake_event;
    struct event *timer_event;
    int64_t timer_armed_us; /* when timer_event is set for; INT64_MAX: it is not */
    struct signal_handler *signals;
    ferry_signal last_signal;
    struct fd_handlers handlers;
    struct loop_closer closers; /* the head of a ring */
    struct loop_closer *coroutines;
};

/* ---- threads ---- */

static void loop_bind(ferry_loop *loop)
{
    atomic_store(&loop->owner, pthread_self());
    atomic_store(&loop->owner_tid, gettid());
}

static void thread_name(int tid, char *name, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/comm", tid);
    FILE *file = fopen(path, "re");
    if (!file || !fgets(name, (int)size, file))
        snprintf(name, size, "ended");
    name[strcspn(name, "\n")] = '\0';
    if (file)
        fclose(file);
}

/* Not inlined: a check that finds nothing wrong needs none of its stack. */
static __attribute__((noinline)) void report_thread(const ferry_loop *loop, const char *function)
{
    char mine[32], owners[32];
    thread_name(gettid(), mine, sizeof mine);
    thread_name(atomic_load(&loop->owner_tid), owners, sizeof owners);
    ferry_log(FERRY_LOG_ERROR, "called on the wrong thread",
              "function=%s thread=%s tid=%d loop_thread=%s loop_tid=%d", function, mine, gettid(),
              owners, atomic_load(&loop->owner_tid));
#ifndef NDEBUG
    fprintf(stderr,
            "ferry: %s was called on thread \"%s\" (%d), but the loop belongs to \"%s\" (%d); "
            "use ferry_loop_add_callback\n",
            function, mine, gettid(), owners, atomic_load(&loop->owner_tid));
    abort();
#endif
}

bool loop_is_on_its_thread(const ferry_loop *loop)
{
    return pthread_equal(atomic_load_explicit(&loop->owner, memory_order_relaxed), pthread_self());
}

void loop_check_thread(const ferry_loop *loop, const char *function)
{
    if (!loop_is_on_its_thread(loop))
        report_thread(loop, function);
}

/* ---- turns ---- */

static void run_posted(ferry_loop *loop)
{
    loop->budget = MAILBOX_BUDGET;
    mailbox_drain(&loop->mailbox, &loop->budget);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    run_posted(arg);
}

/* Returns false without memory, as may be when no timer waits yet. */
static bool timer_arm(ferry_loop *loop)
{
    int64_t when_us;
    if (!timers_next(&loop->timers, &when_us) || when_us >= loop->timer_armed_us)
        return true; /* an event that comes too early finds nothing due, and arms anew */
    int64_t wait_us = when_us - clock_monotonic_us();
    if (wait_us < SPIN_US) /* epoll would make a millisecond of it */
        wait_us = 0;
    struct timeval wait = {.tv_sec = wait_us / 1000000, .tv_usec = wait_us % 1000000};
    event_base_update_cache_time(loop->base); /* libevent adds the wait to a time it remembers */
    if (event_add(loop->timer_event, &wait) < 0)
        return false;
    loop->timer_armed_us = when_us;
    return true;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    ferry_loop *loop = arg;
    loop->timer_armed_us = INT64_MAX;
    timers_run(&loop->timers, clock_monotonic_us(), &loop->stop);
    timer_arm(loop);
}

/* The first turn, which tells the kernel what to watch. What was there before a loop runs is what
 * it is for (listeners, signals, its own mailbox): a loop that is deaf to some of it must not go
 * on. */
static int first_turn(ferry_loop *loop)
{
    unsigned before = event_log_refused_count();
    loop->has_run = true;
    int rc = event_base_loop(loop->base, EVLOOP_NONBLOCK | EVLOOP_NO_EXIT_ON_EMPTY);
    if (rc >= 0 && event_log_refused_count() == before)
        return 0;
    ferry_log(FERRY_LOG_ERROR, "the kernel refuses to watch a descriptor, the loop cannot run",
              "hint=%s", "out of memory, or fs.epoll.max_user_watches is too low");
    return -1;
}

int ferry_loop_run(ferry_loop *loop)
{
    if (atomic_exchange(&loop->is_inside, true)) {
        ferry_log(FERRY_LOG_ERROR, "a loop was run from inside", "hint=%s",
                  "it runs already: await the future, or give it to ferry_future_then");
        return FERRY_CONFLICT;
    }
    loop_bind(loop);
    int rc = loop->stop || loop->has_run ? 0 : first_turn(loop);
    if (rc == 0 && !loop->stop)
        rc = event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
    loop->stop = false;
    atomic_store(&loop->is_inside, false);
    return rc < 0 ? FERRY_INTERNAL : 0;
}

void ferry_loop_stop(ferry_loop *loop)
{
    LOOP_CHECK(loop);
    loop->stop = true;
    loop->budget = 0;
    event_base_loopbreak(loop->base);
}

/* ---- life ---- */

/* The change list takes a descriptor out of epoll only after it was closed. By then its number may
 * be another thread's new descriptor; it is not in our epoll, so the kernel refuses (ENOENT, EBADF)
 * and libevent does not mind. The race detector sees two threads at one number, and trips over its
 * own report of that: under it the loop does without the list. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WITHOUT_CHANGE_LIST
#endif
#endif

static struct event_base *base_new(void)
{
    struct event_config *config = event_config_new();
    if (!config)
        return NULL;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    /* Interest that goes and comes back within a turn is folded into nothing. */
#ifndef WITHOUT_CHANGE_LIST
    event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
#endif
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

ferry_loop *ferry_loop_new(void)
{
    ferry_loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return NULL;
    event_log_take();
    atomic_init(&loop->references, 1);
    loop_bind(loop);
    timers_init(&loop->timers);
    loop->timer_armed_us = INT64_MAX;
    loop->closers.next = loop->closers.previous = &loop->closers;
    if (!mailbox_init(&loop->mailbox)) {
        free(loop);
        return NULL;
    }
    loop->base = base_new();
    fd_handlers_init(&loop->handlers, loop->base);
    if (loop->base) {
        loop->wake_event =
            event_new(loop->base, loop->mailbox.wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
        loop->timer_event = event_new(loop->base, -1, 0, on_timer, loop);
    }
    if (!loop->wake_event || !loop->timer_event || event_add(loop->wake_event, NULL) < 0) {
        int number = errno ? errno : ENOMEM;
        ferry_loop_free(loop);
        errno = number;
        return NULL;
    }
    return loop;
}

static void loop_close(ferry_loop *loop)
{
    loop->closing = true;
    if (loop->coroutines)
        loop->coroutines->close(loop->coroutines);
    while (loop->closers.next != &loop->closers) {
        struct loop_closer *closer = loop->closers.next; /* the newest */
        loop_closer_remove(closer);
        closer->close(closer);
    }
}

/* Whoever still has events will touch what is no more, later and elsewhere: here it can be told.
 * The active ones do not count: they are the last of streams that were freed just now, and
 * what holds one until it has run. */
static void base_free(struct event_base *base)
{
    int active = event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE);
    int count = event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED) - active;
    if (count > 0)
        ferry_log(FERRY_LOG_ERROR, "a loop was freed before what uses it", "events=%d hint=%s",
                  count, "free servers, listeners and streams first");
    else if (active > 0)
        event_base_loop(base, EVLOOP_NONBLOCK);
    event_base_free(base);
}

void ferry_loop_free(ferry_loop *loop)
{
    if (!loop)
        return;
    LOOP_CHECK(loop);
    if (atomic_exchange(&loop->is_inside, true)) {
        ferry_log(FERRY_LOG_ERROR, "a loop was freed from inside", "hint=%s",
                  "stop it there, and free it when ferry_loop_run has returned");
        ferry_loop_stop(loop);
        return;
    }
    loop_close(loop);
    mailbox_close(&loop->mailbox);
    while (loop->signals)
        ferry_loop_remove_signal(loop, loop->signals->id);
    fd_handlers_fini(&loop->handlers);
    timers_fini(&loop->timers);
    if (loop->wake_event)
        event_free(loop->wake_event);
    if (loop->timer_event)
        event_free(loop->timer_event);
    if (loop->base)
        base_free(loop->base);
    loop->base = NULL;
    ferry_loop_unref(loop);
}

ferry_loop *ferry_loop_ref(ferry_loop *loop)
{
    atomic_fetch_add_explicit(&loop->references, 1, memory_order_relaxed);
    return loop;
}

void ferry_loop_unref(ferry_loop *loop)
{
    if (atomic_fetch_sub_explicit(&loop->references, 1, memory_order_acq_rel) > 1)
        return;
    mailbox_fini(&loop->mailbox);
    free(loop);
}

struct event_base *loop_event_base(ferry_loop *loop)
{
    LOOP_CHECK(loop);
    return loop->base;
}

void loop_take_share(ferry_loop *loop, unsigned shares)
{
    size_t share = MAILBOX_BUDGET / shares;
    loop->budget -= share < loop->budget ? share : loop->budget;
}

/* ---- closers ---- */

void loop_closer_add(ferry_loop *loop, struct loop_closer *closer)
{
    struct loop_closer *ring = &loop->closers;
    closer->next = ring->next;
    closer->previous = ring;
    ring->next->previous = closer;
    ring->next = closer;
}

void loop_closer_remove(struct loop_closer *closer)
{
    closer->previous->next = closer->next;
    closer->next->previous = closer->previous;
    closer->next = closer->previous = closer; /* removed twice is removed once */
}

bool loop_is_closing(const ferry_loop *loop)
{
    return loop->closing;
}

void loop_run_posted(ferry_loop *loop)
{
    struct pollfd wake = {.fd = loop->mailbox.wake_fd, .events = POLLIN};
    if (poll(&wake, 1, -1) == 1)
        run_posted(loop);
}

struct loop_closer **loop_coroutines(ferry_loop *loop)
{
    return &loop->coroutines;
}

/* ---- add_callback ---- */

bool loop_post(ferry_loop *loop, struct mailbox_entry *entry)
{
    if (mailbox_post_behind(&loop->mailbox, entry))
        return true; /* and the loop may be gone, with a reference that the entry carried */
    /* That reference can be gone before the wake-up is written, too. */
    ferry_loop_ref(loop);
    bool posted = mailbox_post(&loop->mailbox, entry);
    ferry_loop_unref(loop);
    return posted;
}

int ferry_loop_add_callback(ferry_loop *loop, ferry_callback *fn, void *arg,
                            ferry_callback *free_arg)
{
    CHECK_FUNCTION(fn);
    struct mailbox_entry *posted = posted_new(loop, fn, arg, free_arg);
    if (!posted) {
        if (free_arg)
            free_arg(arg);
        return FERRY_INTERNAL;
    }
    return loop_post(loop, posted) ? 0 : FERRY_REJECTED;
}

/* ---- timers ---- */

int64_t ferry_loop_now_ms(const ferry_loop *loop)
{
    LOOP_CHECK(loop);
    return clock_monotonic_ms();
}

static ferry_timer timer_add(ferry_loop *loop, int64_t when_us, ferry_callback *fn, void *arg)
{
    ferry_timer timer = loop->base ? timers_add(&loop->timers, when_us, fn, arg) : 0;
    if (timer_arm(loop))
        return timer;
    timers_cancel(&loop->timers, timer);
    return 0;
}

ferry_timer ferry_loop_call_later(ferry_loop *loop, int64_t delay_ms, ferry_callback *fn, void *arg)
{
    LOOP_CHECK(loop);
    CHECK_FUNCTION(fn);
    return timer_add(loop, clock_monotonic_us_after(delay_ms), fn, arg);
}

ferry_timer ferry_loop_call_at(ferry_loop *loop, int64_t when_ms, ferry_callback *fn, void *arg)
{
    LOOP_CHECK(loop);
    CHECK_FUNCTION(fn);
    int64_t when_us = when_ms > INT64_MAX / 2000 ? INT64_MAX / 2 : when_ms > 0 ? when_ms * 1000 : 0;
    return timer_add(loop, when_us, fn, arg);
}

bool ferry_loop_cancel(ferry_loop *loop, ferry_timer timer)
{
    LOOP_CHECK(loop);
    return timers_cancel(&loop->timers, timer);
}

/* ---- signals ---- */

static void on_signal(evutil_socket_t signum, short what, void *arg)
{
    (void)signum, (void)what;
    struct signal_handler *handler = arg;
    handler->fn(handler->arg);
}

ferry_signal ferry_loop_add_signal(ferry_loop *loop, int signum, ferry_callback *fn, void *arg)
{
    LOOP_CHECK(loop);
    CHECK_FUNCTION(fn);
    struct signal_handler *handler = calloc(1, sizeof *handler);
    if (!handler)
        return 0;
    handler->id = loop->last_signal + 1;
    handler->fn = fn;
    handler->arg = arg;
    handler->event = evsignal_new(loop->base, signum, on_signal, handler);
    if (!handler->event || event_add(handler->event, NULL) < 0) {
        int number = handler->event ? EINVAL : ENOMEM;
        if (handler->event)
            event_free(handler->event);
        free(handler);
        errno = number;
        return 0;
    }
    handler->next = loop->signals;
    loop->signals = handler;
    return loop->last_signal = handler->id;
}

bool ferry_loop_remove_signal(ferry_loop *loop, ferry_signal id)
{
    LOOP_CHECK(loop);
    for (struct signal_handler **at = &loop->signals; *at; at = &(*at)->next) {
        struct signal_handler *handler = *at;
        if (handler->id == id) {
            *at = handler->next;
            event_free(handler->event);
            free(handler);
            return true;
        }
    }
    return false;
}

/* ---- fd handlers ---- */

ferry_handler ferry_loop_add_handler(ferry_loop *loop, int fd, unsigned events,
                                     ferry_handler_fn *fn, void *arg)
{
    LOOP_CHECK(loop);
    CHECK_FUNCTION(fn);
    return fd_handlers_add(&loop->handlers, fd, events, fn, arg);
}

bool ferry_loop_update_handler(ferry_loop *loop, ferry_handler handler, unsigned events)
{
    LOOP_CHECK(loop);
    return fd_handlers_update(&loop->handlers, handler, events);
}

bool ferry_loop_remove_handler(ferry_loop *loop, ferry_handler handler)
{
    LOOP_CHECK(loop);
    return fd_handlers_remove(&loop->handlers, handler);
}
