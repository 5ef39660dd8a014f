/*
 * What each operation does to the tables. Runs on the store's writing thread.
 *
 * An operation may be run again after its transaction has failed, so its results are emptied first.
 * A savepoint of its own costs more than what is inside: SQLite copies every page that is written
 * after it. So an operation has one only in a transaction in which one has failed before.
 */
#include "apply.h"

#include <string.h>

#include "apply_parts.h"
#include "shift.h"

static int apply_undo(struct statements *statements, const struct undo_operation *undo,
                      ferry_error *error)
{
    return *undo->id ? apply_undo_insert(statements, undo->id, error)
                     : apply_undo_claim(statements, undo->token, error);
}

static int apply_pause(struct statements *statements, const struct pause_operation *pause,
                       ferry_error *error)
{
    enum statement which = pause->is_paused ? PAUSE : RESUME;
    sqlite3_stmt *at = statement_of(statements, which);
    sqlite3_bind_text(at, 1, pause->route, -1, SQLITE_STATIC);
    if (pause->is_paused)
        sqlite3_bind_int64(at, 2, pause->now_ms);
    return statement_run(statements, which, error);
}

static void empty_change(struct change_operation *change)
{
    change_operation_fini(change);
    change->next = 0;
    change->callbacks = (struct callbacks_added){0};
}

static void empty_insert(struct insert_operation *insert)
{
    insert->outcome = INSERT_ADDED;
    insert->claim.job = 0;
}

static void empty_retire(struct retire_operation *retire)
{
    memset(retire->deleted, 0, sizeof retire->deleted);
    retire->count = 0;
    retire->forgotten = 0;
}

static void empty_results(struct operation *operation)
{
    switch (operation->kind) {
    case OPERATION_INSERT:
    case OPERATION_FIND_KEY:
        empty_insert((struct insert_operation *)operation);
        break;
    case OPERATION_CLAIM:
        claim_operation_fini((struct claim_operation *)operation);
        break;
    case OPERATION_SETTLE:
        ((struct settle_operation *)operation)->callbacks = (struct callbacks_added){0};
        break;
    case OPERATION_RELEASE:
        ((struct release_operation *)operation)->callbacks = (struct callbacks_added){0};
        break;
    case OPERATION_CHANGE:
        empty_change((struct change_operation *)operation);
        break;
    case OPERATION_RETIRE:
        empty_retire((struct retire_operation *)operation);
        break;
    case OPERATION_PAUSE:
    case OPERATION_SHIFT:
    case OPERATION_UNDO:
    case OPERATION_GIVE_ROWS:
    case OPERATION_GIVE_ROW:
        break; /* have none */
    }
}

static int apply(struct statements *statements, const unsigned char *boot,
                 struct operation *operation, ferry_error *error)
{
    switch (operation->kind) {
    case OPERATION_INSERT:
        return apply_insert(statements, boot, (struct insert_operation *)operation, error);
    case OPERATION_FIND_KEY:
        return apply_find_key(statements, (struct insert_operation *)operation, error);
    case OPERATION_CLAIM:
        return apply_claim(statements, boot, (struct claim_operation *)operation, error);
    case OPERATION_SETTLE:
        return apply_settle(statements, (struct settle_operation *)operation, error);
    case OPERATION_RELEASE:
        return apply_release(statements, (struct release_operation *)operation, error);
    case OPERATION_CHANGE:
        return apply_change(statements, (struct change_operation *)operation, error);
    case OPERATION_PAUSE:
        return apply_pause(statements, (struct pause_operation *)operation, error);
    case OPERATION_SHIFT:
        return apply_shift(statements, (struct shift_operation *)operation, error);
    case OPERATION_UNDO:
        return apply_undo(statements, (struct undo_operation *)operation, error);
    case OPERATION_RETIRE:
        return apply_retire(statements, (struct retire_operation *)operation, error);
    case OPERATION_GIVE_ROWS:
    case OPERATION_GIVE_ROW:
        return 0; /* arrivals.c has done it */
    }
    return ferry_error_set(error, FERRY_INTERNAL, "no such operation");
}

int operation_apply(struct statements *statements, const unsigned char boot[RANDOM_ID_BYTES],
                    struct operation *operation, ferry_error *error)
{
    empty_results(operation);
    return apply(statements, boot, operation, error);
}

int operation_apply_alone(struct statements *statements, const unsigned char boot[RANDOM_ID_BYTES],
                          struct operation *operation, ferry_error *error)
{
    int rc = statement_run(statements, SAVEPOINT, error);
    if (rc < 0)
        return rc;
    rc = operation_apply(statements, boot, operation, error);
    statements_end_savepoint(statements, rc);
    return rc;
}
