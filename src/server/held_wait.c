/*
 * Held waits. Loop thread.
 *
 * A wait for an earlier job watches it first and looks it up then, so that an end between the two
 * is not missed. Of a new one it hears all from the watch on. It looks whenever it hears of an end.
 * One look-up is under way at most. The wait can end before a look-up comes back, which then finds
 * nobody and frees what is left.
 */
#include "held_wait.h"

#include <stdlib.h>
#include <string.h>

struct held_wait {
    struct held_wait *next, **link; /* of those that have begun and not ended; else NULL */
    struct held_waits *all;
    struct held_key *key; /* NULL: none */
    struct queue_watch *watch;
    ferry_request *request;
    ferry_timer timer;
    int64_t until_ms; /* the loop's clock */
    held_wait_done *done;
    void *arg;
    enum job_state state; /* the last that was heard of, and its version */
    int64_t version;
    bool is_looking;
    bool must_look_again;
    bool has_ended;
    char id[RANDOM_ID_TEXT_SIZE];
};

static double read_count(void *arg)
{
    const struct held_waits *waits = arg;
    return waits->count;
}

void held_waits_init(struct held_waits *waits, ferry_loop *loop, struct queue *queue,
                     unsigned limit, struct metrics *metrics)
{
    *waits = (struct held_waits){.loop = loop, .queue = queue, .limit = limit};
    metrics_gauge(metrics, "ferry_held_waits", "Requests that are held until their job ends.", "",
                  read_count, waits);
}

struct held_wait *held_wait_new(struct held_waits *waits, int64_t timeout_ms)
{
    bool has_room = !waits->closing && waits->count < waits->limit;
    struct held_wait *wait = has_room ? calloc(1, sizeof *wait) : NULL;
    if (!wait)
        return NULL;
    wait->all = waits;
    wait->until_ms = ferry_loop_now_ms(waits->loop) + timeout_ms;
    waits->count++;
    return wait;
}

int held_wait_hold_key(struct held_wait *wait, const char *route, const char *key,
                       const unsigned char fingerprint[JOB_FINGERPRINT_BYTES], ferry_error *error)
{
    wait->key = held_key_new(&wait->all->keys, route, key, fingerprint, error);
    return wait->key ? 0 : error->code;
}

/* ---- the end ---- */

/* Give the place back, at once; the memory stays while a look-up needs it. */
static void leave(struct held_wait *wait)
{
    held_key_free(&wait->all->keys, wait->key);
    wait->key = NULL;
    wait->all->count--;
}

void held_wait_free(struct held_wait *wait)
{
    if (!wait)
        return;
    leave(wait);
    free(wait);
}

static void end(struct held_wait *wait, const struct job_record *record)
{
    held_wait_done *done = wait->done;
    void *arg = wait->arg;
    enum job_state state = wait->state;
    wait->has_ended = true;
    *wait->link = wait->next;
    if (wait->next)
        wait->next->link = wait->link;
    if (wait->watch)
        queue_unwatch(wait->watch);
    ferry_loop_cancel(wait->all->loop, wait->timer);
    ferry_request_on_gone(wait->request, NULL, NULL);
    leave(wait);
    if (!wait->is_looking)
        free(wait);
    done(arg, record, state);
}

static void on_time_up(void *arg)
{
    end(arg, NULL);
}

static void on_gone(void *arg)
{
    end(arg, NULL); /* the job runs on: it was accepted */
}

void held_waits_end_all(struct held_waits *waits)
{
    waits->closing = true;
    while (waits->first)
        end(waits->first, NULL);
}

/* ---- looking ---- */

static void look(struct held_wait *wait);

static void on_found(void *arg, const struct job_record *record, const ferry_error *error)
{
    (void)error; /* whoever asks at the job's own path is told */
    struct held_wait *wait = arg;
    wait->is_looking = false;
    if (wait->has_ended) {
        free(wait);
        return;
    }
    if (record && record->version >= wait->version)
        wait->state = record->state;
    if (!record || job_state_is_final(record->state))
        end(wait, record);
    else if (wait->must_look_again)
        look(wait);
}

static void look(struct held_wait *wait)
{
    wait->must_look_again = wait->is_looking;
    if (wait->is_looking)
        return;
    wait->is_looking = true;
    queue_get(wait->all->queue, wait->id, on_found, wait);
}

static void on_changed(void *arg, const struct job_change *change)
{
    struct held_wait *wait = arg;
    wait->state = change->state;
    wait->version = change->version;
    if (job_state_is_final(change->state))
        look(wait);
}

void held_wait_begin(struct held_wait *wait, const struct queue_receipt *receipt,
                     ferry_request *request, held_wait_done *done, void *arg)
{
    struct held_waits *waits = wait->all;
    const char *id = receipt->id;
    wait->state = receipt->state;
    wait->request = request;
    wait->done = done;
    wait->arg = arg;
    memcpy(wait->id, id, sizeof wait->id);
    wait->next = waits->first;
    wait->link = &waits->first;
    if (wait->next)
        wait->next->link = &wait->next;
    waits->first = wait;
    wait->watch = waits->closing ? NULL : queue_watch(waits->queue, id, on_changed, wait);
    wait->timer =
        wait->watch ? ferry_loop_call_at(waits->loop, wait->until_ms, on_time_up, wait) : 0;
    if (!wait->timer) {
        end(wait, NULL);
        return;
    }
    ferry_request_on_gone(request, on_gone, wait);
    if (receipt->outcome != QUEUE_ADDED)
        look(wait);
}
