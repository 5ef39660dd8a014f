/*
 * The rows. The writer's thread, in its transaction.
 */
#include "arrival_rows.h"

#include <ferry/log.h>

#include "apply_parts.h"
#include "clock.h"
#include "job_id.h"

int arrival_row_give(struct statements *statements, const struct arrival_group *group,
                     const struct arrival_place *place, ferry_error *error)
{
    struct arrival_part part;
    arrival_group_part(group, place->at, &part);
    const struct arrival *arrival = &part.arrival;
    struct insert_operation insert = {
        .route = arrival->route,
        .worker = arrival->worker,
        .state = JOB_RUNNING,
        .created_ms = arrival->created_ms,
        .run_at_ms = arrival->created_ms,
        .block = (char *)arrival->block,
        .length = arrival->length,
        .claim = place->key,
    };
    job_id_format(arrival->id, insert.id);
    job_id_format(arrival->delivery_id, insert.delivery_id);
    return apply_insert(statements, group->boot, &insert, error);
}

static void bind_ended(sqlite3_stmt *at, int column, const struct arrival_group *group,
                       const struct arrival_place *place)
{
    struct arrival_part arrived, ended;
    arrival_group_part(group, place->at, &arrived);
    arrival_group_part(place->end_in, place->end_at, &ended);
    const struct arrival *arrival = &arrived.arrival;
    const struct ending *ending = &ended.ending;
    sqlite3_bind_int64(at, column, place->key.job);
    sqlite3_bind_blob(at, column + 1, arrival->id, RANDOM_ID_BYTES, SQLITE_STATIC);
    sqlite3_bind_blob(at, column + 2, arrival->delivery_id, RANDOM_ID_BYTES, SQLITE_STATIC);
    sqlite3_bind_text(at, column + 3, arrival->route, -1, SQLITE_STATIC);
    sqlite3_bind_text(at, column + 4, arrival->worker, -1, SQLITE_STATIC);
    sqlite3_bind_int64(at, column + 5, (int64_t)arrival->length);
    for (int i = 6; i <= 8; i++) /* created, to run, started */
        sqlite3_bind_int64(at, column + i, arrival->created_ms);
    bind_time(at, column + 9, ending->now_ms);
    if (!ending->result_status)
        return;
    sqlite3_bind_int(at, column + 10, ending->result_status);
    sqlite3_bind_text(at, column + 11, ending->result_type, -1, SQLITE_STATIC);
    sqlite3_bind_blob64(at, column + 12, ending->result, ending->result_length, SQLITE_STATIC);
}

int ended_rows_write(struct statements *statements, struct ended_rows *ended, ferry_error *error)
{
    bool is_full = ended->count == SUCCEEDED_ROWS;
    enum statement which = is_full ? INSERT_SUCCEEDED_ROWS : INSERT_SUCCEEDED;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < ended->count; i++) {
        unsigned row = is_full ? i : 0;
        bind_ended(statement_of(statements, which), 1 + SUCCEEDED_VALUES * (int)row,
                   ended->of[i].group, ended->of[i].place);
        if (!is_full || i == SUCCEEDED_ROWS - 1)
            rc = statement_run(statements, which, error);
    }
    ended->count = 0;
    return rc;
}

int arrival_rows_give(struct statements *statements, const struct arrival_group *group,
                      struct ended_rows *ended, ferry_error *error)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < group->count; i++) {
        const struct arrival_place *place = &group->places[i];
        if (place->state == ARRIVAL_OPEN) {
            rc = arrival_row_give(statements, group, place, error);
        } else if (place->state == ARRIVAL_ENDED) {
            ended->of[ended->count].group = group;
            ended->of[ended->count++].place = place;
            if (ended->count == SUCCEEDED_ROWS)
                rc = ended_rows_write(statements, ended, error);
        }
    }
    return rc;
}

/* ---- one by one ---- */

static int give(struct statements *statements, const struct arrival_group *group,
                const struct arrival_place *place, ferry_error *error)
{
    if (place->state == ARRIVAL_OPEN)
        return arrival_row_give(statements, group, place, error);
    struct ended_rows ended = {.of = {{group, place}}, .count = 1};
    return ended_rows_write(statements, &ended, error);
}

/* The job has ended, as far as the disk says: its attempt, which has the old number, cannot write
 * how. */
static int bury(struct statements *statements, const struct claim_key *key, ferry_error *error)
{
    struct settle_operation dead = {
        .key = *key,
        .state = JOB_DEAD,
        .now_ms = clock_wall_ms(),
    };
    ferry_error_set(&dead.failure, FERRY_INTERNAL,
                    "another job was written under its number: how it ended is not known");
    return apply_settle(statements, &dead, error);
}

/* Tell whether the id has a row: 1, 0, or a code. */
static int has_id(struct statements *statements, const unsigned char *id, ferry_error *error)
{
    sqlite3_bind_blob(statement_of(statements, FIND), 1, id, RANDOM_ID_BYTES, SQLITE_STATIC);
    int rc = statement_step(statements, FIND, error);
    if (rc > 0)
        statement_abandon(statements, FIND);
    return rc;
}

static int give_another_number(struct statements *statements, const struct arrival_group *group,
                               const struct arrival_place *place, ferry_error *error)
{
    struct arrival_place moved = *place;
    statements_look_for_last_job(statements);
    int rc = statements_next_job(statements, &moved.key.job, error);
    if (rc == 0)
        rc = give(statements, group, &moved, error);
    return rc == 0 && place->state == ARRIVAL_OPEN ? bury(statements, &moved.key, error) : rc;
}

static int set_aside(struct statements *statements, const struct arrival_group *group,
                     const struct arrival_place *place, ferry_error *error)
{
    static const char *const buried =
        "somebody else has written a job under the number of one that runs: that one is dead, "
        "retry it if it was not done";
    static const char *const moved =
        "somebody else has written a job under the number of one that has succeeded: that one got "
        "another number";
    static const char *const known =
        "somebody else has written a job with the id of a new one: see whether that was done";
    struct arrival_part part;
    char delivery_id[RANDOM_ID_TEXT_SIZE];
    arrival_group_part(group, place->at, &part);
    int rc = has_id(statements, part.arrival.id, error);
    const char *what = rc > 0 ? known : place->state == ARRIVAL_OPEN ? buried : moved;
    if (rc == 0)
        rc = give_another_number(statements, group, place, error);
    if (rc < 0)
        return rc;
    job_id_format(part.arrival.delivery_id, delivery_id);
    ferry_log(FERRY_LOG_ERROR, what, "delivery_id=%s route=%s", delivery_id, part.arrival.route);
    return 0;
}

static int in_savepoint(struct statements *statements, const struct arrival_group *group,
                        const struct arrival_place *place,
                        int (*write)(struct statements *, const struct arrival_group *,
                                     const struct arrival_place *, ferry_error *),
                        ferry_error *error)
{
    int rc = statement_run(statements, SAVEPOINT, error);
    if (rc < 0)
        return rc;
    rc = write(statements, group, place, error);
    statements_end_savepoint(statements, rc);
    return rc;
}

int arrival_row_give_alone(struct statements *statements, const struct arrival_group *group,
                           const struct arrival_place *place, ferry_error *error)
{
    int rc = in_savepoint(statements, group, place, give, error);
    return rc < 0 && statements_was_refused(statements)
               ? in_savepoint(statements, group, place, set_aside, error)
               : rc;
}

int arrival_rows_give_alone(struct statements *statements, const struct arrival_group *group,
                            ferry_error *error)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < group->count; i++) {
        const struct arrival_place *place = &group->places[i];
        if (place->state == ARRIVAL_OPEN || place->state == ARRIVAL_ENDED)
            rc = arrival_row_give_alone(statements, group, place, error);
    }
    return rc;
}
