/* Operations as SQL: each one inside a transaction of the writer. */
#ifndef JOBS_APPLY_H
#define JOBS_APPLY_H

#include "operation.h"
#include "statements.h"

/* Do one operation and fill in its results. `boot` names this process. Returns 0 or a code; a part
 * of what failed may remain in the transaction, unless the code is FERRY_NOT_FOUND, FERRY_GONE or
 * FERRY_CONFLICT, which answer before anything is written. */
int operation_apply(struct statements *statements, const unsigned char boot[RANDOM_ID_BYTES],
                    struct operation *operation, ferry_error *error);

/* The same; when it fails, nothing of it remains in the transaction. */
int operation_apply_alone(struct statements *statements, const unsigned char boot[RANDOM_ID_BYTES],
                          struct operation *operation, ferry_error *error);

#endif
