/*
 * The report of a crash. Any thread, in a signal handler, where the heap, the locks and the stack
 * may be broken: it uses what is async-signal-safe, memory of its own, and backtrace(3), which is
 * called once at start so that what it loads is there.
 *
 * What is most likely to work comes first: the signal, then the calls, and the backtrace last. A
 * fault inside of the handler ends the process at once (its signals are blocked then), and an
 * alarm ends what hangs, such as standard error that nobody reads.
 */
#include "crash_report.h"

#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <ferry/version.h>

#include "in_flight.h"

enum { FRAMES_MAX = 64, LIMIT_S = 5, TEXT_SIZE = 512 };

static const struct {
    int number;
    const char *name;
} signals[] = {
    {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},
    {SIGILL, "SIGILL"},   {SIGABRT, "SIGABRT"},
};

enum { SIGNAL_COUNT = sizeof signals / sizeof signals[0] };

static atomic_flag is_reporting = ATOMIC_FLAG_INIT;

/* ---- text, without stdio ---- */

struct text {
    char bytes[TEXT_SIZE];
    size_t length;
};

/* Put what can be shown of at most `limit` bytes, and '?' for the rest: they may be anything. */
static void put_some(struct text *text, const char *from, size_t limit)
{
    for (size_t i = 0; i < limit && from[i] && text->length < sizeof text->bytes - 1; i++)
        text->bytes[text->length++] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
}

static void put(struct text *text, const char *from)
{
    put_some(text, from, TEXT_SIZE);
}

static void put_number(struct text *text, uintptr_t number, unsigned base)
{
    char digits[3 * sizeof number + 1];
    size_t at = sizeof digits;
    digits[--at] = '\0';
    do {
        digits[--at] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0);
    put(text, digits + at);
}

/* Write it as a line, and empty it. */
static void put_end(struct text *text)
{
    text->bytes[text->length++] = '\n';
    for (size_t done = 0; done < text->length;) {
        ssize_t n = write(STDERR_FILENO, text->bytes + done, text->length - done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    text->length = 0;
}

/* ---- the report ---- */

static void report_signal(struct text *text, int number, const siginfo_t *info)
{
    char thread[16] = "";
    prctl(PR_GET_NAME, thread);
    put(text, "ferry: crashed: ");
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        put(text, signals[i].number == number ? signals[i].name : "");
    if (info->si_code > 0) {
        put(text, " at address 0x");
        put_number(text, (uintptr_t)info->si_addr, 16);
    } else if (info->si_pid != getpid()) {
        put(text, " from process ");
        put_number(text, (uintptr_t)info->si_pid, 10);
    }
    put(text, ", in thread ");
    put_some(text, thread, sizeof thread);
    put(text, ", version ");
    put(text, ferry_version());
    put_end(text);
}

static void report_calls(struct text *text)
{
    pid_t self = gettid();
    for (unsigned i = 0; i < IN_FLIGHT_SLOTS; i++) {
        const struct in_flight *call = in_flight_at(i);
        if (!call)
            continue;
        put(text, "ferry: call in flight: worker=");
        put_some(text, call->worker, sizeof call->worker);
        put(text, " route=");
        put_some(text, call->route[0] ? call->route : "-", sizeof call->route);
        put(text, " delivery_id=");
        put_some(text, call->delivery_id[0] ? call->delivery_id : "-", sizeof call->delivery_id);
        put(text, atomic_load(&call->thread) == self ? " (in this thread)" : "");
        put_end(text);
    }
}

static void report_backtrace(struct text *text)
{
    void *frames[FRAMES_MAX];
    put(text, "ferry: backtrace:");
    put_end(text);
    int count = backtrace(frames, FRAMES_MAX);
    backtrace_symbols_fd(frames, count, STDERR_FILENO);
}

/* The first process of a container is spared what it raises, unless it has a handler: it exits as
 * a shell would say that it ended. */
static bool is_spared(void)
{
    return getpid() == 1;
}

static void on_alarm(int number)
{
    _exit(128 + number);
}

/* End the process by SIGALRM if the report is not through in time. */
static void limit_time(void)
{
    sigset_t alarm_only;
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    signal(SIGALRM, is_spared() ? on_alarm : SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &alarm_only, NULL);
    alarm(LIMIT_S);
}

static void on_crash(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (atomic_flag_test_and_set(&is_reporting)) {
        for (;;) /* another thread reports; it ends this one, or its alarm does */
            pause();
    }
    limit_time();
    struct text text = {.length = 0};
    report_signal(&text, number, info);
    report_calls(&text);
    report_backtrace(&text);
    alarm(0);
    /* A fault comes again when this returns, and the core dump shows where; others are raised. */
    signal(number, SIG_DFL);
    if (info->si_code <= 0 && is_spared())
        _exit(128 + number);
    if (info->si_code <= 0)
        raise(number);
}

/* ---- exit, called by a worker ---- */

static bool is_in_call(void)
{
    pid_t self = gettid();
    for (unsigned i = 0; i < IN_FLIGHT_SLOTS; i++) {
        const struct in_flight *call = in_flight_at(i);
        if (call && atomic_load(&call->thread) == self)
            return true;
    }
    return false;
}

/* Some libraries exit where they should return an error. That ends the server without a word, and
 * with a status that a supervisor may take for an end that was meant; so it is made a crash. */
static void on_exit_of_process(void)
{
    if (!is_in_call())
        return;
    struct text text = {.length = 0};
    put(&text, "ferry: a worker called exit, which ends the process: taken for a crash");
    put_end(&text);
    abort();
}

/* ---- at start ---- */

static bool is_wanted(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    const bool sanitized = true;
#elif defined(__has_feature)
    const bool sanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
    const bool sanitized = false;
#endif
    const char *wish = getenv("FERRY_CRASH_REPORT");
    return !sanitized || (wish && strcmp(wish, "1") == 0);
}

void crash_report_install(void)
{
    if (!is_wanted())
        return;
    void *frame[1];
    backtrace(frame, 1);
    in_flight_use_signal_stacks();
    in_flight_use_signal_stack();
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        sigaddset(&action.sa_mask, signals[i].number);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        sigaction(signals[i].number, &action, NULL);
    atexit(on_exit_of_process);
}
