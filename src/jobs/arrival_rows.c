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

static struct ended_job ended_job(const struct arrival_group *group,
                                  const struct arrival_place *place)
{
    struct arrival_part arrived, ended;
    arrival_group_part(group, place->at, &arrived);
    arrival_group_part(place->end_in, place->end_at, &ended);
    const struct arrival *arrival = &arrived.arrival;
    const struct ending *ending = &ended.ending;
    return (struct ended_job){
        .job = place->key.job,
        .id = arrival->id,
        .delivery_id = arrival->delivery_id,
        .route = arrival->route,
        .worker = arrival->worker,
        .input_bytes = (int64_t)arrival->length,
        .created_ms = arrival->created_ms,
        .finished_ms = ending->now_ms,
        .result_status = ending->result_status,
        .result_type = ending->result_type,
        .result = ending->result,
        .result_length = ending->result_length,
    };
}

int arrival_rows_give(struct statements *statements, const struct arrival_group *group,
                      struct packing *packing, ferry_error *error)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < group->count; i++) {
        const struct arrival_place *place = &group->places[i];
        if (place->state == ARRIVAL_OPEN) {
            rc = arrival_row_give(statements, group, place, error);
        } else if (place->state == ARRIVAL_ENDED) {
            struct ended_job job = ended_job(group, place);
            rc = packing_add(statements, packing, &job, error);
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
    struct ended_job job = ended_job(group, place);
    return ended_jobs_insert(statements, &job, 1, error);
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
