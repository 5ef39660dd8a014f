/*
 * The states of a job and the one function that changes them. No state of its own; any thread.
 *
 *     scheduled ─┐
 *     queued ────┼─ claim ─▶ running ─┬─ succeed ───▶ succeeded
 *     retrying ──┘                    ├─ fail ──────▶ retrying
 *                                     ├─ give up ───▶ dead
 *                                     └─ interrupt ─▶ queued
 *     any of these four ── cancel ──▶ cancelled
 *     any but running and succeeded ── retry ──▶ queued
 */
#include "job.h"

#include <stdlib.h>

enum { NO = -1 }; /* not allowed */

static const int next_state[JOB_STATE_COUNT][JOB_EVENT_COUNT] = {
    /* columns: claim, succeed, fail, give up, interrupt, cancel, retry */
    [JOB_SCHEDULED] = {JOB_RUNNING, NO, NO, NO, NO, JOB_CANCELLED, JOB_QUEUED},
    [JOB_QUEUED] = {JOB_RUNNING, NO, NO, NO, NO, JOB_CANCELLED, JOB_QUEUED},
    [JOB_RUNNING] = {NO, JOB_SUCCEEDED, JOB_RETRYING, JOB_DEAD, JOB_QUEUED, JOB_CANCELLED, NO},
    [JOB_RETRYING] = {JOB_RUNNING, NO, NO, NO, NO, JOB_CANCELLED, JOB_QUEUED},
    [JOB_SUCCEEDED] = {NO, NO, NO, NO, NO, NO, NO},
    [JOB_DEAD] = {NO, NO, NO, NO, NO, NO, JOB_QUEUED},
    [JOB_CANCELLED] = {NO, NO, NO, NO, NO, NO, JOB_QUEUED},
};

static const char *const state_names[JOB_STATE_COUNT] = {
    [JOB_SCHEDULED] = "scheduled", [JOB_QUEUED] = "queued",       [JOB_RUNNING] = "running",
    [JOB_RETRYING] = "retrying",   [JOB_SUCCEEDED] = "succeeded", [JOB_DEAD] = "dead",
    [JOB_CANCELLED] = "cancelled",
};

const char *job_state_name(enum job_state state)
{
    return state_names[state];
}

bool job_state_is_final(enum job_state state)
{
    return state == JOB_SUCCEEDED || state == JOB_DEAD || state == JOB_CANCELLED;
}

bool job_transition(enum job_state *state, enum job_event event)
{
    int next = next_state[*state][event];
    if (next == NO)
        return false;
    *state = (enum job_state)next;
    return true;
}

void job_record_fini(struct job_record *record)
{
    free(record->route);
    free(record->worker);
    free(record->error);
    free(record->result_type);
    free(record->result);
    *record = (struct job_record){0};
}
