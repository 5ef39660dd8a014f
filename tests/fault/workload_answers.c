/*
 * What the store answers goes into the ledger. As in the queue, what failed in doubt is undone, and
 * the end of an attempt is written until it is on disk.
 */
#include "workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_again(struct workload *workload, struct step *step)
{
    step->next = workload->write_again;
    workload->write_again = step;
}

static void undo(struct workload *workload, const char *id, int64_t token, struct entry *entry)
{
    struct step *step = calloc(1, sizeof *step);
    if (!step)
        abort();
    step->operation.undo = (struct undo_operation){.token = token};
    step->operation.base.kind = OPERATION_UNDO;
    step->workload = workload;
    step->entry = entry;
    snprintf(step->operation.undo.id, sizeof step->operation.undo.id, "%s", id);
    write_again(workload, step);
}

static bool claim_answered(struct workload *workload, struct claim_operation *claim)
{
    const char *wrong = ledger_claimed(&workload->ledger, claim);
    if (wrong)
        workload_fail(workload, wrong, claim->route);
    if (claim->base.error.code && claim->base.in_doubt)
        undo(workload, "", claim->token, NULL);
    claim_operation_fini(claim);
    return false;
}

/* A write that fails and must happen. One that has happened already, in doubt, changes nothing when
 * it is written again. */
static bool end_answered(struct workload *workload, struct step *step)
{
    const struct operation *operation = &step->operation.base;
    int64_t token = operation->kind == OPERATION_SETTLE ? step->operation.settle.key.token
                                                        : step->operation.release.key.token;
    bool failed = operation->error.code != FERRY_OK;
    bool is_claimed_anew = step->entry->claim.token != token;
    if ((!failed || operation->in_doubt) && !is_claimed_anew)
        entry_apply(step->entry, operation, !failed);
    if (failed)
        write_again(workload, step);
    step->entry->is_busy = failed;
    return failed;
}

static bool insert_answered(struct workload *workload, struct step *step)
{
    const struct insert_operation *insert = &step->operation.insert;
    const char *wrong = ledger_inserted(&workload->ledger, step->entry, insert);
    if (wrong)
        workload_fail(workload, wrong, insert->id);
    step->entry->is_busy = insert->base.in_doubt;
    if (step->entry->is_busy)
        undo(workload, insert->id, 0, step->entry);
    return false;
}

static bool undo_answered(struct workload *workload, struct step *step)
{
    const struct undo_operation *operation = &step->operation.undo;
    if (operation->base.error.code) {
        write_again(workload, step);
        return true;
    }
    if (!step->entry) {
        ledger_claim_undone(&workload->ledger, operation);
        return false;
    }
    entry_apply(step->entry, &operation->base, true);
    step->entry->is_busy = false;
    return false;
}

static bool retire_answered(struct workload *workload, const struct retire_operation *retire)
{
    const char *wrong = ledger_retired(&workload->ledger, retire);
    if (wrong)
        workload_fail(workload, wrong, "");
    return false;
}

static bool change_answered(struct workload *workload, struct step *step)
{
    struct change_operation *change = &step->operation.change;
    const char *wrong = ledger_changed(step->entry, change);
    if (wrong)
        workload_fail(workload, wrong, change->id);
    step->entry->is_busy = false;
    change_operation_fini(change);
    return false;
}

static bool pause_answered(struct workload *workload, const struct pause_operation *pause)
{
    struct paused *paused = &workload->paused;
    if (pause->base.error.code == FERRY_OK)
        paused->may_be = paused->must_be = pause->is_paused;
    else if (pause->base.in_doubt) {
        paused->may_be |= pause->is_paused;
        paused->must_be &= pause->is_paused;
    }
    return false;
}

/* Returns whether the step is kept, to be written again. */
static bool step_answered(struct workload *workload, struct step *step)
{
    switch (step->operation.base.kind) {
    case OPERATION_INSERT:
        return insert_answered(workload, step);
    case OPERATION_CLAIM:
        return claim_answered(workload, &step->operation.claim);
    case OPERATION_UNDO:
        return undo_answered(workload, step);
    case OPERATION_RETIRE:
        return retire_answered(workload, &step->operation.retire);
    case OPERATION_CHANGE:
        return change_answered(workload, step);
    case OPERATION_PAUSE:
        return pause_answered(workload, &step->operation.pause);
    case OPERATION_GIVE_ROWS:
    case OPERATION_GIVE_ROW:
        return false;
    default:
        return end_answered(workload, step);
    }
}

/* What a change by somebody does not allow is no failure. */
static bool is_failure(const struct operation *operation)
{
    switch (operation->error.code) {
    case FERRY_OK:
    case FERRY_CONFLICT:
    case FERRY_NOT_FOUND:
    case FERRY_GONE:
        return false;
    default:
        return true;
    }
}

void workload_answered(struct operation *operation)
{
    struct step *step = operation->arg;
    struct workload *workload = step->workload;
    if (is_failure(operation))
        workload->failures++;
    else
        workload->ledger.acknowledged++;
    if (!step_answered(workload, step))
        free(step);
    if (--workload->in_flight == 0)
        ferry_loop_stop(workload->loop);
}
