/*
 * all, any and with_timeout: one future made of others.
 *
 * A combination watches its members. It lives until it has settled its own future (`out`) and no
 * watched member is left; a member that is given up is watched no more. `all` lets go of its
 * members only as they end; `any` and the timeout settle first and give up what is left.
 *
 * Members end from the top of a turn, and cancelling one never ends it at once, so that no watcher
 * runs while a combination walks over its members.
 */
#include <stdlib.h>

#include "future_base.h"
#include "loop_base.h"

struct combination;

struct member {
    struct combination *combination;
    ferry_future *future; /* NULL once it has ended */
};

struct combination {
    struct loop_closer closer;
    ferry_loop *loop;
    ferry_future *out;
    size_t pending;
    ferry_error error;       /* of `all`: the first */
    struct results *results; /* of `all` */
    ferry_timer timer;       /* of the timeout */
    size_t count;
    struct member members[];
};

/* ---- the results of `all` ---- */

struct results {
    size_t count;
    future_free_result **free_result;
    void *result[];
};

static struct results *results_new(size_t count)
{
    struct results *results = calloc(1, sizeof *results + count * sizeof results->result[0]);
    future_free_result **free_result = calloc(count + 1, sizeof *free_result);
    if (!results || !free_result) {
        free(results);
        free(free_result);
        return NULL;
    }
    results->count = count;
    results->free_result = free_result;
    return results;
}

void ferry_results_free(void **result)
{
    if (!result)
        return;
    struct results *results =
        (struct results *)(void *)((char *)result - offsetof(struct results, result));
    for (size_t i = 0; i < results->count; i++) {
        if (result[i] && results->free_result[i])
            results->free_result[i](result[i]);
    }
    free(results->free_result);
    free(results);
}

static void free_results(void *result)
{
    ferry_results_free(result);
}

/* ---- what they share ---- */

static void cancel_members(struct combination *combination)
{
    for (size_t i = 0; i < combination->count; i++) {
        if (combination->members[i].future)
            ferry_future_cancel(combination->members[i].future);
    }
}

static void give_up_members(struct combination *combination)
{
    for (size_t i = 0; i < combination->count; i++) {
        if (combination->members[i].future)
            future_unwatch(combination->members[i].future);
    }
}

static void combination_cancel(void *source)
{
    cancel_members(source);
}

/* Free all but `out`, which is returned. */
static ferry_future *combination_end(struct combination *combination)
{
    ferry_future *out = combination->out;
    give_up_members(combination);
    if (combination->results)
        ferry_results_free(combination->results->result);
    ferry_loop_cancel(combination->loop, combination->timer);
    loop_closer_remove(&combination->closer);
    free(combination);
    return out;
}

static void combination_close(struct loop_closer *closer)
{
    future_close(combination_end((struct combination *)closer));
}

static void refuse(ferry_future *const *futures, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (futures[i])
            ferry_future_cancel(futures[i]);
        ferry_future_free(futures[i]);
    }
}

static struct combination *combination_new(ferry_loop *loop, size_t count,
                                           future_free_result *free_result)
{
    struct combination *combination =
        calloc(1, sizeof *combination + count * sizeof combination->members[0]);
    if (!combination)
        return NULL;
    combination->out = future_new(loop, free_result, combination_cancel, combination);
    if (!combination->out) {
        free(combination);
        return NULL;
    }
    combination->loop = loop;
    combination->closer.close = combination_close;
    loop_closer_add(loop, &combination->closer);
    return combination;
}

/* A member that could not be made stands as one that failed. */
static ferry_future *failed_for_memory(ferry_loop *loop)
{
    ferry_error error;
    ferry_error_set(&error, FERRY_INTERNAL, "no memory for a future");
    return (ferry_future_failed)(loop, &error);
}

static bool combination_watch(struct combination *combination, ferry_future *const *futures,
                              size_t count, ferry_future_fn *on_member)
{
    for (size_t i = 0; i < count; i++) {
        ferry_future *future = futures[i] ? futures[i] : failed_for_memory(combination->loop);
        if (!future) {
            refuse(futures + i, count - i);
            return false;
        }
        combination->members[i] = (struct member){combination, future};
        combination->count++;
        combination->pending++;
        future_watch(future, on_member, &combination->members[i]);
    }
    return true;
}

static ferry_future *combine(struct combination *combination, ferry_future *const *futures,
                             size_t count, ferry_future_fn *on_member)
{
    if (!combination) {
        refuse(futures, count);
        return NULL;
    }
    if (!combination_watch(combination, futures, count, on_member)) {
        cancel_members(combination);
        future_drop(combination_end(combination));
        return NULL;
    }
    return combination->out;
}

/* ---- all ---- */

static void all_settle(struct combination *combination)
{
    ferry_error error = combination->error;
    void *result = NULL;
    if (!error.code) {
        result = combination->results->result;
        combination->results = NULL;
    }
    future_settle(combination_end(combination), result, &error);
}

static void on_all_member(ferry_future *future, void *arg)
{
    struct member *member = arg;
    struct combination *combination = member->combination;
    size_t place = (size_t)(member - combination->members);
    member->future = NULL;
    const ferry_error *error = ferry_future_error(future);
    if (error->code && !combination->error.code) {
        combination->error = *error;
        cancel_members(combination);
    }
    combination->results->free_result[place] = future_result_free(future);
    combination->results->result[place] = ferry_future_take(future);
    if (--combination->pending == 0)
        all_settle(combination);
}

ferry_future *(ferry_future_all)(ferry_loop *loop, ferry_future *const *futures, size_t count)
{
    LOOP_CHECK(loop);
    struct results *results = results_new(count);
    if (!results) {
        refuse(futures, count);
        return NULL;
    }
    struct combination *combination = combination_new(loop, count, free_results);
    if (combination)
        combination->results = results;
    else
        ferry_results_free(results->result);
    ferry_future *out = combine(combination, futures, count, on_all_member);
    if (out && count == 0)
        all_settle(combination);
    return out;
}

/* ---- any ---- */

static void on_any_member(ferry_future *future, void *arg)
{
    struct member *member = arg;
    struct combination *combination = member->combination;
    member->future = NULL;
    combination->pending--;
    if (ferry_future_error(future)->code && combination->pending > 0)
        return;
    cancel_members(combination);
    future_settle_from(combination_end(combination), future);
}

ferry_future *(ferry_future_any)(ferry_loop *loop, ferry_future *const *futures, size_t count)
{
    LOOP_CHECK(loop);
    struct combination *combination = combination_new(loop, count, NULL);
    ferry_future *out = combine(combination, futures, count, on_any_member);
    if (out && count == 0)
        future_settle_error(combination_end(combination), FERRY_INVALID, "any of no futures");
    return out;
}

/* ---- with_timeout ---- */

static void on_deadline(void *arg)
{
    struct combination *combination = arg;
    cancel_members(combination);
    ferry_error error;
    ferry_error_set(&error, FERRY_DEADLINE, "not done in time");
    future_resolve(combination_end(combination), NULL, &error);
}

ferry_future *(ferry_future_with_timeout)(ferry_loop *loop, ferry_future *future,
                                          int64_t timeout_ms)
{
    LOOP_CHECK(loop);
    struct combination *combination = combination_new(loop, 1, NULL);
    ferry_future *out = combine(combination, &future, 1, on_any_member);
    if (!out)
        return NULL;
    combination->timer = ferry_loop_call_later(loop, timeout_ms, on_deadline, combination);
    if (!combination->timer) {
        cancel_members(combination);
        future_drop(combination_end(combination));
        return NULL;
    }
    return out;
}
