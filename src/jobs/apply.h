/* Operations as SQL: each one inside a transaction of the writer. */
#ifndef JOBS_APPLY_H
#define JOBS_APPLY_H

#include "operation.h"
#include "statements.h"

/* Do one operation and fill in its results; when it fails, nothing of it remains in the
 * transaction. `boot` names this process. Returns 0 or a code. */
int operation_apply(struct statements *statements, const unsigned char boot[RANDOM_ID_BYTES],
                    struct operation *operation, ferry_error *error);

#endif
