/*
 * A job that waits out a backoff or a delay waits for a length of time, but what is on disk is the
 * wall clock's time of its end. When that clock steps, those times move along; what a person wrote
 * (`is_wall`) stays.
 *
 * Whether the clock went back between two processes is told by the last time that the database
 * knows of: when the newest job was made, or when a step was last made up for. The latter is kept
 * with the newest job of that moment, so that no step is made up for twice: the jobs up to that one
 * may have been made by a clock that was wrong. A clock that went forward meanwhile cannot be told
 * from a long stop.
 */
#include "shift.h"

#include <ferry/log.h>

#include "clock.h"

enum { TOLERANCE_MS = 1000 };

static int set_clock(struct statements *statements, int64_t now_ms, ferry_error *error)
{
    sqlite3_bind_int64(statement_of(statements, SET_CLOCK), 1, now_ms);
    return statement_run(statements, SET_CLOCK, error);
}

static int shift_jobs(struct statements *statements, const struct shift_operation *shift,
                      ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, SHIFT);
    sqlite3_bind_int64(at, 1, shift->by_ms);
    sqlite3_bind_int64(at, 2, shift->upto_job ? shift->upto_job : INT64_MAX);
    bind_time(at, 3, shift->doubt_ms);
    int rc = statement_run(statements, SHIFT, error);
    return rc == 0 ? set_clock(statements, shift->done_ms, error) : rc;
}

int apply_shift(struct statements *statements, struct shift_operation *shift, ferry_error *error)
{
    shift->done_ms = clock_wall_ms();
    int rc = statements_last_job(statements, &shift->newest_job, error);
    return rc == 0 ? shift_jobs(statements, shift, error) : rc;
}

static int last_wall(struct statements *statements, int64_t *wall_ms, ferry_error *error)
{
    int rc = statement_step(statements, LAST_WALL, error);
    if (rc <= 0)
        return rc;
    *wall_ms = sqlite3_column_int64(statement_of(statements, LAST_WALL), 0);
    statement_abandon(statements, LAST_WALL);
    return 0;
}

int shift_at_start(struct statements *statements, int64_t now_ms, ferry_error *error)
{
    int64_t wall_ms = 0;
    int rc = last_wall(statements, &wall_ms, error);
    if (rc < 0 || wall_ms <= now_ms + TOLERANCE_MS)
        return rc;
    const struct shift_operation shift = {.by_ms = now_ms - wall_ms, .done_ms = now_ms};
    ferry_log(FERRY_LOG_WARN, "the clock went back while no server ran: waiting jobs move along",
              "by_ms=%lld", (long long)shift.by_ms);
    rc = statement_run(statements, BEGIN, error);
    if (rc == 0)
        rc = shift_jobs(statements, &shift, error);
    if (rc == 0)
        rc = statement_run(statements, COMMIT, error);
    if (rc < 0 && statements_in_transaction(statements))
        statement_run(statements, ROLLBACK, NULL);
    return rc;
}
