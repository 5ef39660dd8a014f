/*
 * Run a worker in a test as the server does: opened by the registry, called on a real executor,
 * answered on a real loop.
 *
 *     struct worker_run run = worker_run_open(&ferry_worker_echo, settings);
 *     struct worker_answer answer = worker_run_call(&run, &(struct worker_question){.body = "x"});
 *     ...
 *     worker_answer_fini(&answer);
 *     worker_run_close(&run);
 */
#ifndef TEST_WORKER_RUN_H
#define TEST_WORKER_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "call.h"
#include "call_input.h"
#include "registry.h"
#include "settings.h"

enum { WORKER_RUN_LIMIT_MS = 240000, WORKER_RUN_POLL_MS = 2 };

/* One key of the settings; the last of an array has key NULL. */
struct worker_setting {
    const char *key;
    const char *values[8];
    bool is_list;
};

struct worker_run {
    struct registry *registry;
    struct worker *worker; /* NULL: it did not open */
    ferry_settings *settings;
    ferry_error error; /* why */
    ferry_executor *pool;
    ferry_loop *loop;
};

struct worker_question {
    const char *content_type;
    const char *body;
    size_t length;         /* 0: strlen(body) */
    const char *params[9]; /* name, value, ..., NULL */
    const char *delivery_id;
    unsigned attempt;
    const char *memory; /* what an earlier attempt left; NULL: nothing */
    int64_t timeout_ms;
    bool (*cancel_when)(void *arg); /* asked on the loop, over and over; then cancel the call */
    void *arg;
};

struct worker_answer {
    ferry_code code; /* of the error; FERRY_OK: there is a reply */
    char message[sizeof((ferry_error){0}).message];
    int status;
    char *content_type;
    struct bytes body;
    struct bytes memory; /* for the next attempt */
    int64_t retry_after_ms;
    int64_t pause_route_ms;
    bool was_cancelled; /* cancel_when came true before the end */
};

static inline struct worker_run worker_run_open_in(const char *state_dir, const ferry_worker *kind,
                                                   const struct worker_setting *settings)
{
    struct worker_run run = {
        .registry = registry_new(),
        .settings = settings_new("under-test", state_dir),
        .pool = ferry_executor_new(&(ferry_executor_options){.threads = 1}),
        .loop = ferry_loop_new(),
    };
    assert_non_null(run.registry);
    assert_non_null(run.settings);
    assert_non_null(run.pool);
    assert_non_null(run.loop);
    for (; settings && settings->key; settings++) {
        size_t count = 0;
        while (count < 8 && settings->values[count])
            count++;
        assert_int_equal(
            settings_add(run.settings, settings->key, settings->values, count, settings->is_list),
            0);
    }
    run.worker = registry_open(run.registry, "under-test", kind, run.settings, 0, &run.error);
    return run;
}

static inline struct worker_run worker_run_open(const ferry_worker *kind,
                                                const struct worker_setting *settings)
{
    struct worker_run run = worker_run_open_in("/nonexistent", kind, settings);
    if (!run.worker)
        fail_msg("did not open: %s", run.error.message);
    return run;
}

static inline void worker_run_close(struct worker_run *run)
{
    assert_int_equal(ferry_executor_shutdown(run->pool, WORKER_RUN_LIMIT_MS), 0);
    ferry_executor_free(run->pool);
    ferry_loop_free(run->loop);
    registry_free(run->registry);
}

/* ---- settings that must be refused ---- */

struct worker_problem {
    const char *key;
    const char *part;
    bool found;
};

static inline void worker_problem_look(void *arg, const char *key, const char *message)
{
    struct worker_problem *wanted = arg;
    if (strcmp(key, wanted->key) == 0 && strstr(message, wanted->part))
        wanted->found = true;
    else
        print_message("problem with %s: %s\n", key, message);
}

/* Check that these settings are refused, because of `key`, with a message that has `part` in it. */
static inline void assert_settings_refused(const ferry_worker *kind,
                                           const struct worker_setting *settings, const char *key,
                                           const char *part)
{
    struct worker_run run = worker_run_open_in("/nonexistent", kind, settings);
    struct worker_problem wanted = {.key = key, .part = part};
    assert_null(run.worker);
    settings_each_problem(run.settings, worker_problem_look, &wanted);
    assert_true(wanted.found);
    assert_int_equal(settings_problem_count(run.settings), 1);
    worker_run_close(&run);
}

/* ---- one call ---- */

struct worker_progress {
    ferry_loop *loop;
    ferry_call *call;
    const struct worker_question *question;
    struct worker_answer answer;
    ferry_timer poll;
    bool ended;
};

static inline void worker_run_done(ferry_call *call, const ferry_task_report *report, void *arg)
{
    struct worker_progress *progress = arg;
    struct call_output *output = call_output(call);
    (void)report;
    progress->ended = true;
    progress->answer.code = output->error.code;
    memcpy(progress->answer.message, output->error.message, sizeof output->error.message);
    progress->answer.status = output->status;
    progress->answer.content_type = output->content_type;
    progress->answer.body = output->body;
    progress->answer.memory = output->memory;
    progress->answer.retry_after_ms = output->retry_after_ms;
    progress->answer.pause_route_ms = output->pause_route_ms;
    output->content_type = NULL;
    output->body = (struct bytes){0};
    output->memory = (struct bytes){0};
    call_free(call);
    ferry_loop_stop(progress->loop);
}

static inline void worker_run_poll(void *arg)
{
    struct worker_progress *progress = arg;
    if (progress->question->cancel_when(progress->question->arg)) {
        progress->answer.was_cancelled = true;
        progress->poll = 0;
        call_cancel(progress->call);
    } else {
        progress->poll =
            ferry_loop_call_later(progress->loop, WORKER_RUN_POLL_MS, worker_run_poll, progress);
    }
}

static inline void worker_run_too_long(void *arg)
{
    (void)arg;
    print_error("the call did not end\n");
    abort();
}

static inline char *worker_question_block(const struct worker_question *question, size_t *length)
{
    struct bytes block = {0};
    const char *body = question->body ? question->body : "";
    call_input_add(&block, CALL_METHOD, "", "POST", 4);
    for (size_t i = 0; question->params[i]; i += 2)
        call_input_add(&block, CALL_QUERY, question->params[i], question->params[i + 1],
                       strlen(question->params[i + 1]));
    if (question->content_type)
        call_input_add(&block, CALL_HEADER, "content-type", question->content_type,
                       strlen(question->content_type));
    call_input_end(&block, body, question->length ? question->length : strlen(body));
    *length = block.length;
    return bytes_take(&block);
}

static inline struct worker_answer worker_run_call(struct worker_run *run,
                                                   const struct worker_question *question)
{
    ferry_error error = {0};
    size_t length;
    char *block = worker_question_block(question, &length);
    struct call_options options = {
        .attempt = question->attempt ? question->attempt : 1,
        .delivery_id = question->delivery_id,
        .timeout_ms = question->timeout_ms,
        .memory = question->memory,
        .memory_length = question->memory ? strlen(question->memory) : 0,
    };
    struct worker_progress progress = {.loop = run->loop, .question = question};
    progress.call = call_new(run->worker, block, length, &options, &error);
    assert_non_null(progress.call);
    assert_int_equal(
        call_submit(progress.call, run->loop, run->pool, worker_run_done, &progress, &error), 0);
    ferry_timer limit =
        ferry_loop_call_later(run->loop, WORKER_RUN_LIMIT_MS, worker_run_too_long, NULL);
    if (question->cancel_when)
        worker_run_poll(&progress);
    while (!progress.ended)
        assert_int_equal(ferry_loop_run(run->loop), 0);
    ferry_loop_cancel(run->loop, limit);
    ferry_loop_cancel(run->loop, progress.poll);
    return progress.answer;
}

static inline void worker_answer_fini(struct worker_answer *answer)
{
    free(answer->content_type);
    bytes_fini(&answer->body);
    bytes_fini(&answer->memory);
}

/* ---- checks ---- */

/* Check that it answered 200 with this body, and free it. */
static inline void assert_answer_text(struct worker_answer answer, const char *text)
{
    if (answer.code)
        fail_msg("failed: %s: %s", ferry_code_name(answer.code), answer.message);
    assert_int_equal(answer.status, 200);
    assert_string_equal(bytes_text(&answer.body), text);
    worker_answer_fini(&answer);
}

/* Check that it failed with this code and a message that has `part` in it, and free it. */
static inline void assert_answer_failed(struct worker_answer answer, ferry_code code,
                                        const char *part)
{
    if (answer.code != code || !strstr(answer.message, part))
        fail_msg("%s: \"%s\", expected %s: \"...%s...\"", ferry_code_name(answer.code),
                 answer.message, ferry_code_name(code), part);
    worker_answer_fini(&answer);
}

#endif
