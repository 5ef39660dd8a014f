/*
 * Schedules: each has a timer that looks at the wall clock, and when a slot is due gives the queue
 * a job for it. Loop thread.
 *
 * One run for each slot is the database's doing: it takes a slot with the job in one transaction,
 * and no slot that is not later than the last one it has. What is here only has to ask often
 * enough. A timer waits RECHECK_MS at most, so that a step of the wall clock is noticed soon; a
 * slot may be LATE_MS late, which is more, before it counts as missed.
 *
 * Invariant: `slot_ms` is the slot that is being added, or waits to be tried again; `adding` says
 * that the queue has it. The timer is set whenever the queue has not, until schedules_stop.
 */
#include "schedules.h"

#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

#include "call_input.h"
#include "clock.h"
#include "random.h"
#include "schedule_slots.h"

enum { RECHECK_MS = 10000, LATE_MS = 30000, PAUSE_MIN_MS = 1000, PAUSE_MAX_MS = 30000 };

static const int64_t NO_SLOT = INT64_MIN;

enum run_outcome { RUN_ADDED, RUN_OVERLAP, RUN_TAKEN, RUN_MISSED, RUN_REFUSED, RUN_OUTCOMES };

static const char *const outcome_names[RUN_OUTCOMES] = {"added", "overlap", "taken", "missed",
                                                        "refused"};

struct schedule {
    struct schedules *all;
    const struct config_schedule *config;
    struct metric_counter *runs[RUN_OUTCOMES];
    ferry_timer timer;
    int64_t settled_ms; /* slots up to here are run, let go, or in slot_ms... */
    bool has_settled;   /* ... if it has looked, or the one before it has, */
    int64_t looked_ms;  /* at this time of the wall clock; 0: it has not */
    int64_t slot_ms;    /* NO_SLOT: none is under way */
    int64_t jitter_ms;  /* of slot_ms */
    int64_t pause_ms;   /* of slot_ms, which was refused; 0: it was not */
    int64_t retry_ms;   /* by the loop's clock: when to try again */
    bool adding;
};

struct schedules {
    ferry_loop *loop;
    struct queue *queue;
    int64_t (*wall_ms)(void);
    bool stopped;
    size_t count;
    struct schedule items[];
};

static const char *slot_text(int64_t slot_ms, char text[CLOCK_RFC3339_SIZE])
{
    return clock_format_rfc3339(slot_ms, text);
}

/* ---- adding a run ---- */

/* The slot is settled, in whatever way. */
static void run_end(struct schedule *schedule, enum run_outcome outcome)
{
    schedule->runs[outcome]->value++;
    schedule->slot_ms = NO_SLOT;
    schedule->pause_ms = 0;
}

static void run_refused(struct schedule *schedule, const char *why)
{
    char slot[CLOCK_RFC3339_SIZE];
    bool is_first = schedule->pause_ms == 0;
    schedule->pause_ms = is_first ? PAUSE_MIN_MS : schedule->pause_ms * 2;
    if (schedule->pause_ms > PAUSE_MAX_MS)
        schedule->pause_ms = PAUSE_MAX_MS;
    schedule->retry_ms = ferry_loop_now_ms(schedule->all->loop) + schedule->pause_ms;
    if (is_first)
        ferry_log(FERRY_LOG_WARN, "a scheduled run is not accepted, it is tried again",
                  "schedule=%s slot=%s error=%s", schedule->config->name,
                  slot_text(schedule->slot_ms, slot), why);
}

static void run_settled(struct schedule *schedule, const struct queue_receipt *receipt)
{
    char slot[CLOCK_RFC3339_SIZE];
    const char *name = schedule->config->name;
    slot_text(schedule->slot_ms, slot);
    if (receipt->outcome == QUEUE_OVERLAPS) {
        ferry_log(FERRY_LOG_INFO, "a scheduled run is skipped: the one before has not ended",
                  "schedule=%s slot=%s", name, slot);
        run_end(schedule, RUN_OVERLAP);
    } else if (receipt->outcome == QUEUE_SLOT_TAKEN) {
        ferry_log(FERRY_LOG_WARN, "a scheduled run is skipped: there was a later one already",
                  "schedule=%s slot=%s", name, slot);
        run_end(schedule, RUN_TAKEN);
    } else {
        ferry_log(FERRY_LOG_DEBUG, "a scheduled run is added", "schedule=%s slot=%s delivery_id=%s",
                  name, slot, receipt->delivery_id);
        run_end(schedule, RUN_ADDED);
    }
}

static void set_timer(struct schedule *schedule);

static void on_accepted(void *arg, const struct queue_receipt *receipt, const ferry_error *error)
{
    struct schedule *schedule = arg;
    schedule->adding = false;
    if (receipt)
        run_settled(schedule, receipt);
    else
        run_refused(schedule, error->message);
    set_timer(schedule);
}

/* The input of a run: that of every run, and which one it is. */
static char *run_input(const struct schedule *schedule, size_t *length)
{
    const struct config_schedule *config = schedule->config;
    struct bytes block = {0};
    char slot[CLOCK_RFC3339_SIZE];
    slot_text(schedule->slot_ms, slot);
    call_input_add(&block, CALL_HEADER, "Ferry-Schedule", config->name, strlen(config->name));
    call_input_add(&block, CALL_HEADER, "Ferry-Slot", slot, strlen(slot));
    bytes_append(&block, config->block.data, config->block.length);
    *length = block.length;
    return bytes_take(&block);
}

/* Returns 0, and on_accepted is called, or has been; or a code. */
static int give_to_queue(struct schedule *schedule, ferry_error *error)
{
    size_t length;
    char *block = run_input(schedule, &length);
    if (!block)
        return ferry_error_set(error, FERRY_REJECTED, "no memory");
    struct queue_job job = {
        .route = schedule->config->route->path,
        .block = block,
        .length = length,
        .delay_ms = schedule->jitter_ms,
        .schedule = schedule->config->name,
        .slot_ms = schedule->slot_ms,
        .may_overlap = schedule->config->may_overlap,
    };
    return queue_add(schedule->all->queue, &job, on_accepted, schedule, error);
}

static void add_run(struct schedule *schedule)
{
    ferry_error error;
    schedule->adding = true;
    if (give_to_queue(schedule, &error) == 0)
        return;
    schedule->adding = false;
    run_refused(schedule, error.message);
}

/* ---- looking at the clock ---- */

static void count_missed(struct schedule *schedule, const struct schedule_due *due)
{
    char until[CLOCK_RFC3339_SIZE];
    if (due->missed == 0)
        return;
    schedule->runs[RUN_MISSED]->value += due->missed;
    const char *message = due->missed == SCHEDULE_MISSED_MAX
                              ? "scheduled runs were missed, at least so many"
                              : "scheduled runs were missed";
    ferry_log(FERRY_LOG_INFO, message, "schedule=%s count=%u until=%s", schedule->config->name,
              due->missed, slot_text(due->settled_ms, until));
}

/* A slot that comes due ends the tries of the one before. */
static void take_slot(struct schedule *schedule, int64_t slot_ms)
{
    char text[CLOCK_RFC3339_SIZE];
    if (schedule->slot_ms != NO_SLOT) {
        ferry_log(FERRY_LOG_WARN, "a scheduled run was not accepted", "schedule=%s slot=%s",
                  schedule->config->name, slot_text(schedule->slot_ms, text));
        run_end(schedule, RUN_REFUSED);
    }
    schedule->slot_ms = slot_ms;
    schedule->jitter_ms = (int64_t)random_below((uint64_t)schedule->config->jitter_ms);
    schedule->retry_ms = 0;
}

static void look(struct schedule *schedule, int64_t late_ms)
{
    schedule->looked_ms = schedule->all->wall_ms();
    struct schedule_due due =
        schedule_due(schedule->config, schedule->settled_ms, schedule->looked_ms, late_ms);
    schedule->settled_ms = due.settled_ms;
    count_missed(schedule, &due);
    if (due.slot_ms != NO_SLOT)
        take_slot(schedule, due.slot_ms);
    if (schedule->slot_ms != NO_SLOT &&
        ferry_loop_now_ms(schedule->all->loop) >= schedule->retry_ms)
        add_run(schedule);
}

static void on_timer(void *arg)
{
    struct schedule *schedule = arg;
    schedule->timer = 0;
    look(schedule, LATE_MS);
    set_timer(schedule);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* INT64_MAX: there is none. */
static int64_t next_slot(const struct schedule *schedule, int64_t now_ms)
{
    int64_t after_ms = schedule->settled_ms > now_ms ? schedule->settled_ms : now_ms;
    return schedule_next_slot(schedule->config, after_ms);
}

static void set_timer(struct schedule *schedule)
{
    ferry_loop *loop = schedule->all->loop;
    if (schedule->adding || schedule->timer || schedule->all->stopped)
        return;
    int64_t now_ms = schedule->all->wall_ms();
    int64_t next_ms = next_slot(schedule, now_ms);
    int64_t wait_ms = least(RECHECK_MS, next_ms == INT64_MAX ? RECHECK_MS : next_ms - now_ms);
    if (schedule->slot_ms != NO_SLOT)
        wait_ms = least(wait_ms, schedule->retry_ms - ferry_loop_now_ms(loop));
    schedule->timer = ferry_loop_call_later(loop, wait_ms, on_timer, schedule);
    if (!schedule->timer)
        ferry_log(FERRY_LOG_ERROR, "no memory for a timer, a schedule ends", "schedule=%s",
                  schedule->config->name);
}

/* ---- telling ---- */

static void put_time(struct bytes *out, const char *key, int64_t wall_ms)
{
    char text[CLOCK_RFC3339_SIZE];
    if (wall_ms == NO_SLOT || wall_ms == INT64_MAX)
        bytes_printf(out, ",\"%s\":null", key);
    else
        bytes_printf(out, ",\"%s\":\"%s\"", key, slot_text(wall_ms, text));
}

static void put_schedule(struct bytes *out, const struct schedule *schedule)
{
    const struct config_schedule *config = schedule->config;
    const struct schedules *all = schedule->all;
    int64_t last_ms;
    bool has_last = queue_last_slot(all->queue, config->name, &last_ms);
    bytes_append_text(out, "{\"name\":");
    bytes_append_json(out, config->name, strlen(config->name));
    bytes_append_text(out, ",\"route\":");
    bytes_append_json(out, config->route->path, strlen(config->route->path));
    put_time(out, "next_at", all->stopped ? NO_SLOT : next_slot(schedule, all->wall_ms()));
    put_time(out, "pending_at", schedule->slot_ms);
    put_time(out, "last_at", has_last ? last_ms : NO_SLOT);
    bytes_append_text(out, ",\"runs\":{");
    for (int i = 0; i < RUN_OUTCOMES; i++)
        bytes_printf(out, "%s\"%s\":%llu", i ? "," : "", outcome_names[i],
                     (unsigned long long)schedule->runs[i]->value);
    bytes_append_text(out, "}}");
}

void schedules_json(struct bytes *out, const struct schedules *schedules)
{
    bytes_append_text(out, "{\"schedules\":[");
    for (size_t i = 0; i < schedules->count; i++) {
        bytes_append_text(out, i ? ",\n" : "\n");
        put_schedule(out, &schedules->items[i]);
    }
    bytes_append_text(out, "]}\n");
}

/* ---- life ---- */

static bool schedule_init(struct schedule *schedule, struct schedules *all,
                          const struct config_schedule *config, struct metrics *metrics)
{
    *schedule = (struct schedule){.all = all, .config = config, .slot_ms = NO_SLOT};
    bool complete = true;
    for (int i = 0; i < RUN_OUTCOMES; i++) {
        struct bytes labels = {0};
        metrics_label(&labels, "schedule", config->name);
        metrics_label(&labels, "outcome", outcome_names[i]);
        schedule->runs[i] =
            metrics_counter(metrics, "ferry_schedule_runs_total",
                            "Runs of schedules that came due.", bytes_text(&labels));
        complete = complete && schedule->runs[i];
        bytes_fini(&labels);
    }
    return complete;
}

struct schedules *schedules_new(const struct schedules_options *options)
{
    struct schedules *schedules =
        calloc(1, sizeof *schedules + options->count * sizeof schedules->items[0]);
    bool complete = schedules != NULL;
    if (complete)
        *schedules = (struct schedules){
            .loop = options->loop,
            .queue = options->queue,
            .wall_ms = options->wall_ms ? options->wall_ms : clock_wall_ms,
            .count = options->count,
        };
    for (size_t i = 0; complete && i < options->count; i++)
        complete = schedule_init(&schedules->items[i], schedules, &options->schedules[i],
                                 options->metrics);
    if (complete)
        return schedules;
    free(schedules);
    return NULL;
}

/* Where the clock was set back meanwhile, or was wrong, what has run is not run again. */
static void warn_ahead(const struct schedule *schedule, int64_t now_ms)
{
    char text[CLOCK_RFC3339_SIZE];
    if (schedule->settled_ms > now_ms)
        ferry_log(FERRY_LOG_WARN, "a schedule waits for the time of its last run to pass",
                  "schedule=%s slot=%s", schedule->config->name,
                  slot_text(schedule->settled_ms, text));
}

/* What is on record goes before what was inherited: a slot that was with the queue then may be. */
static void settle(struct schedule *schedule, int64_t now_ms)
{
    int64_t last_ms;
    bool is_recorded = queue_last_slot(schedule->all->queue, schedule->config->name, &last_ms);
    if (!schedule->has_settled || (is_recorded && last_ms > schedule->settled_ms))
        schedule->settled_ms = is_recorded ? last_ms : now_ms;
    if (is_recorded && last_ms >= schedule->slot_ms)
        schedule->slot_ms = NO_SLOT;
    schedule->has_settled = true;
}

static void start(struct schedules *schedules, int64_t late_ms)
{
    for (size_t i = 0; i < schedules->count; i++) {
        struct schedule *schedule = &schedules->items[i];
        int64_t now_ms = schedules->wall_ms();
        settle(schedule, now_ms);
        warn_ahead(schedule, now_ms);
        look(schedule, late_ms);
        set_timer(schedule);
    }
}

void schedules_start(struct schedules *schedules)
{
    start(schedules, 0);
}

static const struct schedule *find(const struct schedules *schedules, const char *name)
{
    for (size_t i = 0; i < schedules->count; i++) {
        if (strcmp(schedules->items[i].config->name, name) == 0)
            return &schedules->items[i];
    }
    return NULL;
}

/* What it would have been due at by its new times, before the one of the old times looked last, it
 * has not missed. Where the clock was set back since then, that tells nothing. */
static int64_t settled_by(const struct schedule *other, int64_t now_ms)
{
    bool tells = other->looked_ms > other->settled_ms && other->looked_ms <= now_ms;
    return tells ? other->looked_ms : other->settled_ms;
}

void schedules_inherit(struct schedules *schedules, const struct schedules *before)
{
    for (size_t i = 0; i < schedules->count; i++) {
        struct schedule *schedule = &schedules->items[i];
        const struct schedule *other = find(before, schedule->config->name);
        if (!other || !other->has_settled)
            continue;
        schedule->has_settled = true;
        schedule->settled_ms = settled_by(other, schedules->wall_ms());
        schedule->looked_ms = other->looked_ms;
        schedule->slot_ms = other->slot_ms;
        schedule->jitter_ms = other->jitter_ms;
        schedule->pause_ms = other->pause_ms;
        schedule->retry_ms = other->retry_ms;
    }
}

void schedules_take_over(struct schedules *schedules)
{
    start(schedules, LATE_MS);
}

bool schedules_are_idle(const struct schedules *schedules)
{
    for (size_t i = 0; i < schedules->count; i++) {
        if (schedules->items[i].adding)
            return false;
    }
    return true;
}

void schedules_stop(struct schedules *schedules)
{
    schedules->stopped = true;
    for (size_t i = 0; i < schedules->count; i++) {
        ferry_loop_cancel(schedules->loop, schedules->items[i].timer);
        schedules->items[i].timer = 0;
    }
}

void schedules_free(struct schedules *schedules)
{
    free(schedules);
}
