/*
 * Every SQL statement of the store, prepared once, and one function for each. One thread at a time
 * for each set. Errors are FERRY_ codes as database_error gives them.
 */
#ifndef JOBS_STATEMENTS_H
#define JOBS_STATEMENTS_H

#include <sqlite3.h>

#include "operation.h"

struct statements;

/* Returns NULL and `error`. A set for a reading connection has the look-up alone. */
struct statements *statements_new(sqlite3 *db, bool read_only, ferry_error *error);
void statements_free(struct statements *statements);

/* Tell whether a failure of any of them was one after which the connection must not be used any
 * more, but closed and opened anew. */
bool statements_is_lost(const struct statements *statements);

/* ---- the writer's ---- */

int statements_begin(struct statements *statements, ferry_error *error);
int statements_commit(struct statements *statements, ferry_error *error);
void statements_rollback(struct statements *statements);

/* Do one operation inside the transaction; when it fails, nothing of it remains in there. `boot`
 * names this process. */
int statements_apply(struct statements *statements, const unsigned char boot[RANDOM_ID_BYTES],
                     struct operation *operation, ferry_error *error);

/* ---- at the start ---- */

struct interrupted_job {
    const char *route;
    char delivery_id[RANDOM_ID_TEXT_SIZE];
    enum job_state state; /* what became of it */
    unsigned crashes;
};

typedef void interrupted_visit(void *arg, const struct interrupted_job *job);
typedef void state_visit(void *arg, enum job_state state, int64_t count, int64_t bytes);
typedef void route_visit(void *arg, const char *route, int64_t waiting);

/* End the attempts of other processes, in one statement; max_crashes as in queue.h. */
int statements_interrupt(struct statements *statements, const unsigned char boot[RANDOM_ID_BYTES],
                         unsigned max_crashes, int64_t now_ms, interrupted_visit *visit, void *arg,
                         ferry_error *error);
int statements_count_states(struct statements *statements, state_visit *visit, void *arg,
                            ferry_error *error);
int statements_count_routes(struct statements *statements, route_visit *visit, void *arg,
                            ferry_error *error);

/* ---- the reader's ---- */

/* Fill in `record`, which is empty. Errors: FERRY_NOT_FOUND, and those of the database. */
int statements_find(struct statements *statements, const char *id, struct job_record *record,
                    ferry_error *error);

#endif
