/*
 * Looking at a job while the store is at work: it is found as the answers say, whether it has a row
 * yet or not. Where the disk fails it may be refused, but is never taken for one that is not there.
 */
#include "workload.h"

#include <stdlib.h>

#include "disk_vfs.h"

enum { LOOKS = 25 }; /* of a hundred times */

struct looking {
    struct workload *workload;
    const struct entry *entry;
};

static struct view view_of(const struct job_record *record)
{
    return (struct view){
        .is_there = true,
        .state = record->state,
        .attempt = record->attempt,
        .crashes = record->crashes,
        .run_at_ms = record->run_at_ms,
        .finished_ms = record->finished_ms,
        .is_cancelling = record->is_cancelling,
    };
}

static bool is_missing(const ferry_error *error)
{
    return error->code == FERRY_NOT_FOUND || error->code == FERRY_GONE;
}

static void on_found(void *arg, const struct job_record *record, const ferry_error *error)
{
    struct looking *looking = arg;
    struct workload *workload = looking->workload;
    struct view seen = record ? view_of(record) : (struct view){0};
    if (record || is_missing(error)) {
        if (!view_equals(&seen, &looking->entry->views[0]))
            workload_fail(workload, "a job is not found as it is", looking->entry->id);
    } else if (disk_has_power() && disk_fault_count() == 0) {
        workload_fail(workload, "a job cannot be looked up", error->message);
    }
    free(looking);
    if (--workload->in_flight == 0)
        ferry_loop_stop(workload->loop);
}

/* Not always: it may give rows to all jobs, and those without are to be there when the disk fails.
 */
void workload_look(struct workload *workload)
{
    struct ledger *ledger = &workload->ledger;
    if (ledger->count == 0 || !chance_of(&workload->chance, LOOKS))
        return;
    const struct entry *entry = &ledger->entries[chance_below(&workload->chance, ledger->count)];
    if (entry->is_busy || !entry_is_certain(entry))
        return;
    struct looking *looking = malloc(sizeof *looking);
    if (!looking)
        abort();
    *looking = (struct looking){workload, entry};
    workload->in_flight++;
    store_find(workload->store, entry->id, on_found, looking);
}
