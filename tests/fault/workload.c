/*
 * The operations are those that the queue gives to the store; what is made of their answers is in
 * workload_answers.c, the looks between them are in workload_lookups.c, the jobs are in
 * workload_jobs.c, and what makes packs of them, and looks at those, in workload_packs.c.
 */
#include "workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk_vfs.h"

enum {
    CLOSE_DEADLINE_MS = 30000,
    MAX_CRASHES = 3,
    STEP_LIMIT = 4, /* jobs that a claim takes */
    BURSTS = 20,    /* of a hundred rounds */
};

/* ---- operations ---- */

struct step *step_new(struct workload *workload, enum operation_kind kind)
{
    struct step *step = calloc(1, sizeof *step);
    if (!step)
        abort();
    step->operation.base.kind = kind;
    step->workload = workload;
    return step;
}

void step_write(struct step *step)
{
    step->operation.base.done = workload_answered;
    step->operation.base.arg = step;
    step->workload->in_flight++;
    if (step->entry)
        step->entry->is_busy = true;
    store_write(step->workload->store, &step->operation.base);
}

static int64_t make_token(struct chance *chance)
{
    return (int64_t)(chance_next(chance) | 1);
}

static void set_key(struct chance *chance, struct entry *entry, struct insert_operation *insert)
{
    entry->fingerprint = chance_below(chance, 2);
    snprintf(entry->key, sizeof entry->key, "key-%u", chance_below(chance, 4));
    insert->key = entry->key;
    insert->fingerprint[0] = (unsigned char)entry->fingerprint;
}

/* The slot after the last one, or that one again: an earlier attempt at it may be in doubt. */
static void set_slot(struct workload *workload, struct insert_operation *insert)
{
    insert->schedule = "nightly";
    int64_t last_ms = workload->ledger.most_slot;
    insert->slot_ms = last_ms > 0 && chance_of(&workload->chance, 50) ? last_ms : last_ms + 1;
    insert->may_overlap = chance_of(&workload->chance, 50);
}

struct step *step_insert(struct workload *workload, struct entry *entry, enum job_state state)
{
    struct step *step = step_new(workload, OPERATION_INSERT);
    struct insert_operation *insert = &step->operation.insert;
    step->entry = entry;
    memcpy(insert->id, entry->id, sizeof insert->id);
    memcpy(insert->delivery_id, entry->delivery_id, sizeof insert->delivery_id);
    insert->route = entry->route;
    insert->worker = "w";
    insert->state = state;
    insert->created_ms = insert->run_at_ms = workload->now_ms;
    insert->block = entry->block;
    insert->length = entry->length;
    insert->claim.token = make_token(&workload->chance);
    return step;
}

static void insert(struct workload *workload)
{
    struct chance *chance = &workload->chance;
    struct entry *entry = workload_add_entry(workload);
    enum job_state state = chance_of(chance, 50) ? JOB_QUEUED : JOB_RUNNING;
    struct step *step = step_insert(workload, entry, state);
    struct insert_operation *insert = &step->operation.insert;
    if (chance_of(chance, 15))
        set_key(chance, step->entry, insert);
    else if (chance_of(chance, 15))
        set_slot(workload, insert);
    if (chance_of(chance, 20)) {
        insert->callback = "http://127.0.0.1/";
        step->entry->has_callback = true;
    }
    insert->is_short = chance_of(chance, 70);
    entry->may_be_packed = insert->is_short && state == JOB_RUNNING;
    step_write(step);
}

static void claim(struct workload *workload, const char *route, int64_t now_ms, unsigned limit)
{
    struct step *step = step_new(workload, OPERATION_CLAIM);
    step->operation.claim.route = route;
    step->operation.claim.limit = limit;
    step->operation.claim.token = make_token(&workload->chance);
    step->operation.claim.now_ms = now_ms;
    step_write(step);
}

bool entry_is_running(const struct entry *entry)
{
    return entry_is_certain(entry) && entry->views[0].is_there &&
           entry->views[0].state == JOB_RUNNING && !entry->is_busy;
}

static struct entry *some_running(struct workload *workload)
{
    unsigned start = chance_below(&workload->chance, workload->ledger.count + 1);
    for (unsigned i = 0; i < workload->ledger.count; i++) {
        struct entry *entry = &workload->ledger.entries[(start + i) % workload->ledger.count];
        if (entry_is_running(entry))
            return entry;
    }
    return NULL;
}

static void set_result(struct settle_operation *settle, struct entry *entry)
{
    settle->result_status = 200;
    settle->result_type = (char *)entry_result_type(entry);
    settle->result = entry->block;
    settle->result_length = entry_result_length(entry);
}

void step_settle(struct workload *workload, struct entry *entry, enum job_state state)
{
    struct step *step = step_new(workload, OPERATION_SETTLE);
    struct settle_operation *settle = &step->operation.settle;
    settle->key = entry->claim;
    settle->was_version = 1; /* of what was inserted as claimed; wrong for what was not */
    settle->state = state;
    settle->now_ms = workload->now_ms;
    if (state == JOB_RETRYING)
        settle->run_at_ms = workload->now_ms + chance_below(&workload->chance, 30);
    if (state == JOB_SUCCEEDED)
        set_result(settle, entry);
    else
        ferry_error_set(&settle->failure, FERRY_TRANSIENT, "not today");
    step->entry = entry;
    step_write(step);
}

static void settle_some(struct workload *workload)
{
    static const enum job_state ends[] = {JOB_SUCCEEDED, JOB_SUCCEEDED, JOB_RETRYING, JOB_DEAD};
    struct entry *entry = some_running(workload);
    if (entry)
        step_settle(workload, entry, ends[chance_below(&workload->chance, 4)]);
}

static void release_some(struct workload *workload)
{
    struct entry *entry = some_running(workload);
    if (!entry)
        return;
    struct step *step = step_new(workload, OPERATION_RELEASE);
    step->operation.release.key = entry->claim;
    step->operation.release.now_ms = workload->now_ms;
    step->operation.release.run_at_ms = workload->now_ms + chance_below(&workload->chance, 10);
    step->entry = entry;
    step_write(step);
}

void step_retire(struct workload *workload, const char *route, unsigned limit)
{
    struct step *step = step_new(workload, OPERATION_RETIRE);
    step->operation.retire.route = route;
    step->operation.retire.before_ms = workload->now_ms - 50;
    step->operation.retire.now_ms = workload->now_ms;
    step->operation.retire.forget_ms = workload->now_ms - 100;
    step->operation.retire.limit = limit;
    step_write(step);
}

static void retire(struct workload *workload)
{
    struct chance *chance = &workload->chance;
    const char *route = workload_route(workload);
    step_retire(workload, route,
                chance_of(chance, 50) ? LEDGER_MAX_JOBS : 1 + chance_below(chance, 10));
}

void step_change(struct workload *workload, struct entry *entry, enum job_action action)
{
    struct step *step = step_new(workload, OPERATION_CHANGE);
    struct change_operation *change = &step->operation.change;
    memcpy(change->id, entry->id, sizeof change->id);
    change->action = action;
    change->now_ms = workload->now_ms;
    step->entry = entry;
    step_write(step);
}

static void change_some(struct workload *workload)
{
    static const enum job_action actions[] = {JOB_ACTION_CANCEL, JOB_ACTION_CANCEL,
                                              JOB_ACTION_RETRY, JOB_ACTION_DELETE};
    if (workload->ledger.count == 0)
        return;
    struct entry *entry =
        &workload->ledger.entries[chance_below(&workload->chance, workload->ledger.count)];
    if (!entry->is_busy)
        step_change(workload, entry, actions[chance_below(&workload->chance, 4)]);
}

static void pause_or_resume(struct workload *workload)
{
    struct step *step = step_new(workload, OPERATION_PAUSE);
    step->operation.pause.route = workload_routes[0];
    step->operation.pause.is_paused = chance_of(&workload->chance, 50);
    step->operation.pause.now_ms = workload->now_ms;
    step_write(step);
}

static void give_rows(struct workload *workload)
{
    step_write(step_new(workload, OPERATION_GIVE_ROWS));
}

static void some_operation(struct workload *workload)
{
    workload->now_ms++; /* each its own time, so that it is known which is the older */
    unsigned which = chance_below(&workload->chance, 100);
    if (which < 38)
        insert(workload);
    else if (which < 56)
        claim(workload, workload_route(workload), workload->now_ms,
              1 + chance_below(&workload->chance, STEP_LIMIT));
    else if (which < 78)
        settle_some(workload);
    else if (which < 84)
        release_some(workload);
    else if (which < 94)
        change_some(workload);
    else if (which < 97)
        retire(workload);
    else if (which < 99)
        give_rows(workload);
    else
        pause_or_resume(workload);
}

void workload_wait_for_answers(struct workload *workload)
{
    if (workload->in_flight > 0)
        ferry_loop_run(workload->loop);
}

static void some_operations(struct workload *workload)
{
    unsigned count = 1 + chance_below(&workload->chance, WORKLOAD_MAX_ROUND);
    for (unsigned i = 0; i < count; i++)
        some_operation(workload);
    workload_wait_for_answers(workload);
}

void workload_round(struct workload *workload)
{
    if (chance_of(&workload->chance, BURSTS))
        workload_burst(workload);
    else
        some_operations(workload);
    workload_look_at_asked(workload);
    workload_look(workload);
    workload_list(workload);
}

bool workload_catch_up(struct workload *workload)
{
    struct step *again = workload->write_again;
    workload->write_again = NULL;
    while (again) {
        struct step *step = again;
        again = step->next;
        step_write(step);
    }
    workload_wait_for_answers(workload);
    return workload->write_again == NULL;
}

/* ---- life ---- */

struct workload *workload_new(uint64_t seed)
{
    struct workload *workload = calloc(1, sizeof *workload);
    if (!workload)
        abort();
    snprintf(workload->name, sizeof workload->name, "seed %llu", (unsigned long long)seed);
    workload->chance.state = seed;
    workload->now_ms = 1000000;
    workload->loop = ferry_loop_new();
    ledger_init(&workload->ledger, MAX_CRASHES);
    snprintf(workload->folder, sizeof workload->folder, "/tmp/ferry-fault-XXXXXX");
    if (!workload->loop || !mkdtemp(workload->folder))
        workload_fail(workload, "no loop or no folder", workload->folder);
    snprintf(workload->database, sizeof workload->database, "%s/jobs.db", workload->folder);
    disk_reset(seed);
    return workload;
}

static void forget_writes(struct workload *workload)
{
    while (workload->write_again) {
        struct step *step = workload->write_again;
        workload->write_again = step->next;
        free(step);
    }
}

static void remove_file(const struct workload *workload, const char *name)
{
    char path[80];
    snprintf(path, sizeof path, "%s/%s", workload->folder, name);
    unlink(path);
}

/* The machine is started anew: what of the claimed had started is not known, and each counts. */
static void forget_started(const struct workload *workload)
{
    remove_file(workload, "started");
}

void workload_free(struct workload *workload)
{
    unlink(workload->database);
    remove_file(workload, "lock");
    remove_file(workload, "jobs.db-reserve");
    forget_started(workload);
    if (rmdir(workload->folder) < 0)
        workload_fail(workload, "a sound database was set aside", workload->folder);
    ferry_loop_free(workload->loop);
    ledger_fini(&workload->ledger);
    disk_reset(0);
    free(workload);
}

static void visit_interrupted(void *arg, const struct interrupted_job *job)
{
    (void)arg, (void)job;
}

static void visit_count(void *arg, const char *route, enum job_state state, int64_t count,
                        int64_t bytes)
{
    (void)arg, (void)route, (void)state, (void)count, (void)bytes;
}

static void visit_paused(void *arg, const char *route, int64_t since_ms)
{
    struct workload *workload = arg;
    (void)route, (void)since_ms;
    workload->paused.is = true;
}

static void visit_slot(void *arg, const char *schedule, int64_t slot_ms)
{
    struct workload *workload = arg;
    (void)schedule;
    workload->slot_ms = slot_ms;
}

int workload_open(struct workload *workload)
{
    struct store_visitor visitor = {visit_interrupted, visit_count, visit_paused, visit_slot,
                                    workload};
    ferry_error error = {0};
    workload->failures = 0;
    workload->paused.is = false;
    workload->slot_ms = 0;
    forget_started(workload);
    workload->store =
        store_open(workload->loop, workload->folder, MAX_CRASHES, NULL, &visitor, &error);
    if (!workload->store && disk_has_power() && disk_fault_count() == 0)
        workload_fail(workload, "the store does not open", error.message);
    return workload->store ? 0 : error.code;
}

void workload_close(struct workload *workload)
{
    if (workload->store && store_close(workload->store, CLOSE_DEADLINE_MS) < 0)
        workload_fail(workload, "the store does not close", "");
    workload->store = NULL;
    forget_writes(workload);
    ledger_interrupt(&workload->ledger);
}

/* ---- its end ---- */

void workload_finish(struct workload *workload)
{
    workload->now_ms += 1000000;
    for (unsigned i = 0; i < WORKLOAD_ROUTES; i++)
        claim(workload, workload_routes[i], workload->now_ms, LEDGER_MAX_JOBS);
    workload_wait_for_answers(workload);
    for (unsigned i = 0; i < workload->ledger.count; i++) {
        if (entry_is_running(&workload->ledger.entries[i]))
            step_settle(workload, &workload->ledger.entries[i], JOB_SUCCEEDED);
    }
    workload_wait_for_answers(workload);
    if (workload->failures > 0)
        workload_fail(workload, "the store does not work any more", "");
    for (unsigned i = 0; i < workload->ledger.count; i++) {
        const struct view *view = &workload->ledger.entries[i].views[0];
        if (view->is_there && !job_state_is_final(view->state))
            workload_fail(workload, "a job cannot come to its end", workload->ledger.entries[i].id);
    }
}
