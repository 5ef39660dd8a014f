/*
 * A loop and an executor, and calls of a worker whose hooks are the test's own.
 */
#ifndef UNIT_WORKER_FIXTURE_H
#define UNIT_WORKER_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "call_input.h"
#include "executor/gate.h"
#include "loop/watchdog.h"
#include "support.h"

struct fixture {
    ferry_loop *loop;
    ferry_executor *executor;
    unsigned done;
    ferry_task_report report; /* of the last one */
};

static inline void fixture_start(struct fixture *f, unsigned threads)
{
    *f = (struct fixture){.loop = ferry_loop_new()};
    f->executor = ferry_executor_new(&(ferry_executor_options){.name = "test", .threads = threads});
    assert_non_null(f->executor);
}

static inline void fixture_end(struct fixture *f)
{
    assert_int_equal(ferry_executor_shutdown(f->executor, INT64_MAX), 0);
    ferry_executor_free(f->executor);
    ferry_loop_free(f->loop);
}

/* An input of query values "name=value&...", and a body. */
static inline char *input_block(const char *query, const char *body, size_t *length)
{
    struct bytes block = {0};
    call_input_add(&block, CALL_METHOD, "", "POST", 4);
    char *copy = strdup(query), *rest = copy, *pair;
    while ((pair = strsep(&rest, "&")) && *pair) {
        char *name = strsep(&pair, "=");
        call_input_add(&block, CALL_QUERY, name, pair, strlen(pair));
    }
    free(copy);
    call_input_end(&block, body, strlen(body));
    *length = block.length;
    return bytes_take(&block);
}

static inline ferry_call *make_call(const struct worker *worker, const char *query,
                                    const struct call_options *options)
{
    size_t length;
    char *block = input_block(query, "the body", &length);
    struct call_options first = {.attempt = 1};
    ferry_call *call = call_new(worker, block, length, options ? options : &first, NULL);
    assert_non_null(call);
    return call;
}

static inline void on_call_done(ferry_call *call, const ferry_task_report *report, void *arg)
{
    (void)call;
    struct fixture *f = arg;
    f->done++;
    f->report = *report;
    ferry_loop_stop(f->loop);
}

static inline void submit_call(struct fixture *f, ferry_call *call)
{
    assert_int_equal(call_submit(call, f->loop, f->executor, on_call_done, f, NULL), 0);
}

static inline void await_calls(struct fixture *f, unsigned count)
{
    while (f->done < count)
        ferry_loop_run(f->loop);
}

/* Run one call to its end; the caller frees it. */
static inline ferry_call *run_call(struct fixture *f, const struct worker *worker,
                                   const char *query)
{
    ferry_call *call = make_call(worker, query, NULL);
    submit_call(f, call);
    await_calls(f, f->done + 1);
    return call;
}

#endif
