/* What operations own. Any thread, one at a time. */
#include "operation.h"

#include <stdlib.h>

bool operation_is_answer(ferry_code code)
{
    return code == FERRY_NOT_FOUND || code == FERRY_GONE || code == FERRY_CONFLICT;
}

void claim_operation_fini(struct claim_operation *claim)
{
    for (unsigned i = 0; i < claim->count; i++) {
        free(claim->jobs[i].block);
        free(claim->jobs[i].memory);
    }
    free(claim->jobs);
    claim->jobs = NULL;
    claim->count = 0;
}

void change_operation_fini(struct change_operation *change)
{
    for (unsigned i = 0; i < change->count; i++)
        free(change->jobs[i].route);
    free(change->jobs);
    change->jobs = NULL;
    change->count = 0;
}
