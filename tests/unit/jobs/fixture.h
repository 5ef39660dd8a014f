/* A queue with everything around it: a folder, a loop, a pool, and fake workers. */
#ifndef TESTS_JOBS_FIXTURE_H
#define TESTS_JOBS_FIXTURE_H

#include "folder.h"

#include <pthread.h>
#include <stdatomic.h>

#include <ferry/log.h>

#include "call_input.h"
#include "clock.h"
#include "dispatch.h"
#include "queue.h"
#include "settings.h"

enum { PATIENCE_MS = 120000 };

/* ---- fake workers; what they saw and what they wait for is shared by all of them ---- */

static struct fakes {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool gate_open;
    atomic_int runs;
    atomic_int running;
    atomic_int most_running;
    atomic_uint last_attempt;
    char delivery_ids[16][40]; /* of the first runs */
} fakes = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static inline void fakes_enter(ferry_call *call)
{
    int run = atomic_fetch_add(&fakes.runs, 1);
    int running = atomic_fetch_add(&fakes.running, 1) + 1;
    pthread_mutex_lock(&fakes.lock);
    if (running > atomic_load(&fakes.most_running))
        atomic_store(&fakes.most_running, running);
    if (run < 16)
        snprintf(fakes.delivery_ids[run], sizeof fakes.delivery_ids[run], "%s",
                 ferry_call_delivery_id(call));
    pthread_mutex_unlock(&fakes.lock);
    atomic_store(&fakes.last_attempt, ferry_call_attempt(call));
}

static inline int fakes_leave(int rc)
{
    atomic_fetch_sub(&fakes.running, 1);
    return rc;
}

static inline void gate_set(bool open)
{
    pthread_mutex_lock(&fakes.lock);
    fakes.gate_open = open;
    pthread_cond_broadcast(&fakes.changed);
    pthread_mutex_unlock(&fakes.lock);
}

static inline void gate_wait(void)
{
    pthread_mutex_lock(&fakes.lock);
    while (!fakes.gate_open)
        pthread_cond_wait(&fakes.changed, &fakes.lock);
    pthread_mutex_unlock(&fakes.lock);
}

/* Answers with its body. */
static inline int fake_echo_run(ferry_call *call, void *state)
{
    (void)state;
    fakes_enter(call);
    size_t length;
    const char *body = ferry_call_body(call, &length);
    return fakes_leave(ferry_call_reply(call, 200, "text/plain", body, length));
}

/* Waits at the gate, deaf to any cancel, then answers. */
static inline int fake_gate_run(ferry_call *call, void *state)
{
    (void)state;
    fakes_enter(call);
    ferry_call_progress(call, 0.5, "at the gate");
    gate_wait();
    return fakes_leave(ferry_call_reply_text(call, 200, "through"));
}

/* Waits until it is cancelled. */
static inline int fake_patient_run(ferry_call *call, void *state)
{
    (void)state;
    fakes_enter(call);
    ferry_call_wait(call, PATIENCE_MS);
    return fakes_leave(ferry_call_fail(call, FERRY_INVALID, "cut short"));
}

static inline int fake_transient_run(ferry_call *call, void *state)
{
    (void)state;
    fakes_enter(call);
    return fakes_leave(ferry_call_fail(call, FERRY_TRANSIENT, "not today"));
}

static inline int fake_permanent_run(ferry_call *call, void *state)
{
    (void)state;
    fakes_enter(call);
    return fakes_leave(ferry_call_fail(call, FERRY_INVALID, "never"));
}

/* Fails at first, then succeeds. */
static inline int fake_second_run(ferry_call *call, void *state)
{
    (void)state;
    fakes_enter(call);
    if (ferry_call_attempt(call) < 2)
        return fakes_leave(ferry_call_reply_text(call, 503, "come back"));
    return fakes_leave(ferry_call_reply_text(call, 200, "at last"));
}

/* Fails twice and leaves a letter each time; then answers with what is left. */
static inline int fake_memory_run(ferry_call *call, void *state)
{
    (void)state;
    fakes_enter(call);
    size_t length = 0;
    const char *left = ferry_call_remembered(call, &length);
    if (ferry_call_attempt(call) > 2)
        return fakes_leave(ferry_call_reply(call, 200, "text/plain", left, length));
    char text[8];
    int written = snprintf(text, sizeof text, "%s%c", left ? left : "", length ? 'b' : 'a');
    ferry_call_remember(call, text, (size_t)written);
    return fakes_leave(ferry_call_fail(call, FERRY_TRANSIENT, "again"));
}

/* Fails at first, and says by its body for how long: "retry 50" for itself, "pause 50" for the
 * route; then succeeds. */
static inline int fake_hint_run(ferry_call *call, void *state)
{
    (void)state;
    fakes_enter(call);
    const char *body = ferry_call_body(call, NULL);
    if (ferry_call_attempt(call) > 1 || !strchr(body, ' '))
        return fakes_leave(ferry_call_reply_text(call, 200, "at last"));
    int64_t ms = atoi(strchr(body, ' '));
    if (*body == 'r')
        ferry_call_retry_after(call, ms);
    else
        ferry_call_pause_route(call, ms);
    return fakes_leave(ferry_call_fail(call, FERRY_TRANSIENT, "later"));
}

static const ferry_worker fake_kinds[] = {
    {.abi = FERRY_WORKER_ABI, .name = "fake_echo", .run = fake_echo_run},
    {.abi = FERRY_WORKER_ABI, .name = "fake_gate", .run = fake_gate_run},
    {.abi = FERRY_WORKER_ABI, .name = "fake_patient", .run = fake_patient_run},
    {.abi = FERRY_WORKER_ABI, .name = "fake_transient", .run = fake_transient_run},
    {.abi = FERRY_WORKER_ABI, .name = "fake_permanent", .run = fake_permanent_run},
    {.abi = FERRY_WORKER_ABI, .name = "fake_second", .run = fake_second_run},
    {.abi = FERRY_WORKER_ABI, .name = "fake_memory", .run = fake_memory_run},
    {.abi = FERRY_WORKER_ABI, .name = "fake_hint", .run = fake_hint_run},
};

enum { FAKE_COUNT = sizeof fake_kinds / sizeof fake_kinds[0] };

/* ---- the fixture ---- */

struct fixture {
    struct folder folder;
    ferry_loop *loop;
    ferry_executor *executor;
    struct registry *registry;
    struct metrics *metrics;
    struct queue_pool pool;
    struct queue_route routes[FAKE_COUNT]; /* "/echo", "/gate", ... */
    struct queue_options options;
    struct queue *queue;
    bool (*condition)(struct fixture *f);
    int64_t wait_until_ms;
    bool timed_out;

    int accepted, refused;
    char last_id[RANDOM_ID_TEXT_SIZE];
    ferry_error last_error;

    bool found;
    ferry_error found_error;
    struct job_record record; /* a copy without the strings */
    char error_text[256];
    char result[256];
};

static inline void fixture_log(void *arg, ferry_log_level level, const char *line, size_t length)
{
    (void)arg, (void)level;
    if (getenv("FERRY_TEST_LOG"))
        fprintf(stderr, "%.*s", (int)length, line);
}

static inline void fixture_make_route(struct fixture *f, size_t i)
{
    static const char *const names[] = {"/echo",      "/gate",   "/patient", "/transient",
                                        "/permanent", "/second", "/memory",  "/hint"};
    ferry_error error;
    const ferry_worker *kind = &fake_kinds[i];
    struct worker *worker = registry_open(f->registry, kind->name, kind,
                                          settings_new(kind->name, f->folder.path), 0, &error);
    assert_non_null(worker);
    f->routes[i] = (struct queue_route){
        .name = names[i],
        .worker = worker,
        .pool = &f->pool,
        .attempts = 3,
        .backoff_min_ms = 1,
        .backoff_max_ms = 2,
    };
}

static inline struct queue_route *fixture_route(struct fixture *f, const char *name)
{
    for (size_t i = 0; i < FAKE_COUNT; i++) {
        if (strcmp(f->routes[i].name, name) == 0)
            return &f->routes[i];
    }
    fail_msg("no route %s", name);
    return NULL;
}

static inline void fixture_make(struct fixture *f)
{
    *f = (struct fixture){0};
    ferry_log_set_sink(fixture_log, NULL);
    ferry_log_set_level(FERRY_LOG_DEBUG);
    folder_make(&f->folder);
    f->loop = ferry_loop_new();
    f->executor = ferry_executor_new(&(ferry_executor_options){.name = "test", .threads = 8});
    f->registry = registry_new();
    f->metrics = metrics_new();
    f->pool = (struct queue_pool){.executor = f->executor, .slots = 4};
    for (size_t i = 0; i < FAKE_COUNT; i++)
        fixture_make_route(f, i);
    f->options = (struct queue_options){
        .folder = f->folder.path,
        .max_pending = 100000,
        .max_bytes = 1 << 30,
        .max_crashes = 3,
        .keep_ms = 3600000,
        .metrics = f->metrics,
    };
    fakes.gate_open = false;
    atomic_store(&fakes.runs, 0);
    atomic_store(&fakes.running, 0);
    atomic_store(&fakes.most_running, 0);
}

static inline void fixture_open(struct fixture *f)
{
    ferry_error error = {0};
    f->queue = queue_open(f->loop, &f->options, &error);
    if (!f->queue)
        fail_msg("queue_open: %s", error.message);
    assert_int_equal(queue_set_routes(f->queue, f->routes, FAKE_COUNT), 0);
}

static inline void fixture_start(struct fixture *f)
{
    fixture_open(f);
    queue_start(f->queue);
}

static inline void fixture_close(struct fixture *f)
{
    assert_int_equal(queue_close(f->queue, PATIENCE_MS), 0);
    f->queue = NULL;
}

static inline void fixture_stop(void *loop)
{
    ferry_loop_stop(loop);
}

static inline void fixture_remove(struct fixture *f)
{
    if (f->queue)
        fixture_close(f);
    gate_set(true);
    ferry_executor_shutdown(f->executor, PATIENCE_MS);
    /* Let late calls come home: what the loop drops, nobody frees. */
    ferry_loop_add_callback(f->loop, fixture_stop, f->loop, NULL);
    ferry_loop_run(f->loop);
    ferry_executor_free(f->executor);
    ferry_loop_free(f->loop);
    registry_free(f->registry);
    metrics_free(f->metrics);
    folder_remove(&f->folder);
}

/* ---- running the loop until something is so ---- */

static inline void fixture_poll(void *arg)
{
    struct fixture *f = arg;
    f->timed_out = clock_monotonic_ms() > f->wait_until_ms;
    if (f->condition(f) || f->timed_out)
        ferry_loop_stop(f->loop);
    else
        ferry_loop_call_later(f->loop, 1, fixture_poll, f);
}

static inline void fixture_wait(struct fixture *f, bool (*condition)(struct fixture *f))
{
    f->condition = condition;
    f->wait_until_ms = clock_monotonic_ms() + PATIENCE_MS;
    ferry_loop_call_later(f->loop, 0, fixture_poll, f);
    assert_int_equal(ferry_loop_run(f->loop), 0);
    assert_false(f->timed_out);
}

static inline bool is_idle(struct fixture *f)
{
    return queue_is_idle(f->queue);
}

/* ---- adding and finding ---- */

static inline void on_accepted(void *arg, const struct queue_receipt *receipt,
                               const ferry_error *error)
{
    struct fixture *f = arg;
    f->last_error = *error;
    snprintf(f->last_id, sizeof f->last_id, "%s", receipt ? receipt->id : "");
    if (error->code)
        f->refused++;
    else
        f->accepted++;
}

static inline char *make_block(const char *body, size_t *length)
{
    struct bytes block = {0};
    call_input_add(&block, CALL_METHOD, "", "POST", 4);
    call_input_end(&block, body, strlen(body));
    *length = block.length;
    return bytes_take(&block);
}

static inline int fixture_try_add(struct fixture *f, const char *route, const char *body)
{
    size_t length;
    char *block = make_block(body, &length);
    struct queue_job job = {.route = route, .block = block, .length = length};
    return queue_add(f->queue, &job, on_accepted, f, &f->last_error);
}

static inline void fixture_add(struct fixture *f, const char *route, const char *body)
{
    assert_int_equal(fixture_try_add(f, route, body), 0);
}

static inline bool is_answered(struct fixture *f)
{
    return f->accepted + f->refused > 0;
}

/* Add one job and wait for its commit; its id is in last_id. */
static inline void fixture_add_committed(struct fixture *f, const char *route, const char *body)
{
    f->accepted = f->refused = 0;
    fixture_add(f, route, body);
    fixture_wait(f, is_answered);
    assert_int_equal(f->accepted, 1);
}

/* Start, and have a job wait as its route is paused; its id is in last_id. Returns the route. */
static inline struct dispatch_route *fixture_start_paused(struct fixture *f, const char *name)
{
    fixture_start(f);
    fixture_wait(f, is_idle);
    struct dispatch_route *route = dispatch_route_find(f->queue, name);
    gate_pause(&route->gate, true);
    fixture_add_committed(f, name, "x");
    fixture_wait(f, is_idle);
    return route;
}

static inline void on_found(void *arg, const struct job_record *record, const ferry_error *error)
{
    struct fixture *f = arg;
    f->found = true;
    f->found_error = *error;
    if (!record)
        return;
    f->record = *record;
    snprintf(f->error_text, sizeof f->error_text, "%s", record->error ? record->error : "");
    snprintf(f->result, sizeof f->result, "%s", record->result ? record->result : "");
    assert_non_null(record->route);
    assert_non_null(record->worker);
    f->record.route = f->record.worker = f->record.error = NULL;
    f->record.result = f->record.result_type = NULL;
}

static inline bool is_found(struct fixture *f)
{
    return f->found;
}

/* Look up a job that is there. */
static inline const struct job_record *fixture_get(struct fixture *f, const char *id)
{
    f->found = false;
    queue_get(f->queue, id, on_found, f);
    fixture_wait(f, is_found);
    assert_int_equal(f->found_error.code, FERRY_OK);
    return &f->record;
}

/* Return the value of a metric's line, -1 if there is none. */
static inline double fixture_metric(struct fixture *f, const char *series)
{
    struct bytes text = {0};
    metrics_render(f->metrics, &text);
    char line[160];
    snprintf(line, sizeof line, "\n%s ", series);
    const char *at = strstr(bytes_text(&text), line);
    double value = at ? strtod(at + strlen(line), NULL) : -1;
    bytes_fini(&text);
    return value;
}

/* ---- what people do ---- */

static inline void on_route_paused(void *arg, const ferry_error *error)
{
    *(bool *)arg = error->code == FERRY_OK;
}

/* Pause a route, and wait for what comes of it. */
static inline void fixture_pause(struct fixture *f, const char *route,
                                 bool (*is_over)(struct fixture *f))
{
    bool is_paused = false;
    queue_pause(f->queue, route, true, on_route_paused, &is_paused);
    fixture_wait(f, is_over);
    assert_true(is_paused);
}

static inline void on_one_changed(void *arg, const struct queue_changed *changed,
                                  const ferry_error *error)
{
    (void)arg;
    assert_int_equal(error->code, FERRY_OK);
    assert_int_equal(changed->count, 1);
}

static inline bool is_one_cancelled(struct fixture *f)
{
    return fixture_metric(f, "ferry_jobs{state=\"cancelled\"}") == 1;
}

/* Cancel a job, the first of all, and wait until it is. */
static inline void fixture_cancel(struct fixture *f, const char *id)
{
    queue_change(f->queue, JOB_ACTION_CANCEL, id, on_one_changed, NULL);
    fixture_wait(f, is_one_cancelled);
}

/* Wait until there are so many jobs in a state, by the metrics. */
static struct {
    enum job_state state;
    int count;
} fixture_wanted;

static inline bool is_count_wanted(struct fixture *f)
{
    char series[64];
    snprintf(series, sizeof series, "ferry_jobs{state=\"%s\"}",
             job_state_name(fixture_wanted.state));
    return fixture_metric(f, series) == fixture_wanted.count;
}

static inline void fixture_wait_count(struct fixture *f, enum job_state state, int count)
{
    fixture_wanted.state = state;
    fixture_wanted.count = count;
    fixture_wait(f, is_count_wanted);
}

#endif
