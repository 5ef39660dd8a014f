/*
 * Looking at jobs while the store is at work: they are found and listed as the answers say, whether
 * they have rows yet, or are in packs, or not. Where the disk fails it may be refused, but none is
 * ever taken for one that is not there.
 */
#include "workload.h"

#include <stdlib.h>
#include <string.h>

#include "disk_vfs.h"

enum {
    LOOKS = 40, /* of a hundred times */
    LISTINGS = 12,
    AT_A_TIME = 64, /* of many look-ups some would be refused */
};

struct looking {
    struct workload *workload;
    struct entry *entry;
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

static void one_answered(struct workload *workload)
{
    if (--workload->in_flight == 0)
        ferry_loop_stop(workload->loop);
}

/* ---- one ---- */

static bool has_its_result(const struct entry *entry, const struct job_record *record)
{
    const char *type = entry_result_type(entry);
    if (record->state != JOB_SUCCEEDED)
        return !record->result;
    return record->result_length == entry_result_length(entry) &&
           (record->result_length == 0 ||
            memcmp(record->result, entry->block, record->result_length) == 0) &&
           !type == !record->result_type && (!type || strcmp(type, record->result_type) == 0);
}

static bool has_its_names(const struct entry *entry, const struct job_record *record)
{
    return strcmp(record->id, entry->id) == 0 &&
           strcmp(record->delivery_id, entry->delivery_id) == 0 &&
           strcmp(record->route, entry->route) == 0;
}

static void check_found(struct looking *looking, const struct job_record *record)
{
    struct entry *entry = looking->entry;
    struct view seen = record ? view_of(record) : (struct view){0};
    if (!entry_may_be(entry, &seen))
        workload_fail(looking->workload, "a job is not found as it is", entry->id);
    if (record && (!has_its_names(entry, record) || !has_its_result(entry, record)))
        workload_fail(looking->workload, "a job is found with what is another's", entry->id);
    for (unsigned v = 0; entry->is_asked_for && v < entry->view_count; v++) {
        if (view_equals(&entry->views[v], &seen))
            entry->views[0] = entry->views[v];
    }
    if (entry->is_asked_for)
        entry->view_count = 1;
    entry->is_asked_for = false;
}

static void on_found(void *arg, const struct job_record *record, const ferry_error *error)
{
    struct looking *looking = arg;
    struct workload *workload = looking->workload;
    if (record || is_missing(error))
        check_found(looking, record);
    else if (disk_has_power() && disk_fault_count() == 0)
        workload_fail(workload, "a job cannot be looked up", error->message);
    free(looking);
    one_answered(workload);
}

static void look(struct workload *workload, struct entry *entry)
{
    struct looking *looking = malloc(sizeof *looking);
    if (!looking)
        abort();
    *looking = (struct looking){workload, entry};
    workload->in_flight++;
    store_find(workload->store, entry->id, on_found, looking);
}

/* Not always: it may give rows to all jobs, and those without are to be there when the disk fails.
 */
void workload_look(struct workload *workload)
{
    struct ledger *ledger = &workload->ledger;
    if (ledger->count == 0 || !chance_of(&workload->chance, LOOKS))
        return;
    struct entry *entry = &ledger->entries[chance_below(&workload->chance, ledger->count)];
    if (entry->is_busy || !entry_is_certain(entry))
        return;
    look(workload, entry);
    workload_wait_for_answers(workload);
}

static bool is_asked_for(const struct entry *entry)
{
    return entry->is_asked_for;
}

static bool is_packed(const struct entry *entry)
{
    return entry->is_packed;
}

static void look_at_all(struct workload *workload, bool (*is_wanted)(const struct entry *entry))
{
    for (unsigned i = 0; i < workload->ledger.count; i++) {
        if (workload->in_flight == AT_A_TIME)
            workload_wait_for_answers(workload);
        if (is_wanted(&workload->ledger.entries[i]))
            look(workload, &workload->ledger.entries[i]);
    }
    workload_wait_for_answers(workload);
}

/* Once: what is not answered stays open. */
void workload_look_at_asked(struct workload *workload)
{
    look_at_all(workload, is_asked_for);
    for (unsigned i = 0; i < workload->ledger.count; i++)
        workload->ledger.entries[i].is_asked_for = false;
}

void workload_look_at_packed(struct workload *workload)
{
    look_at_all(workload, is_packed);
}

/* ---- many ---- */

struct listing_jobs {
    struct workload *workload;
    struct job_filter filter;
    int64_t above; /* the job before; from then on all are below */
    int64_t next;
    bool failed;
};

/* Those of callbacks nobody knows. */
static void check_listed(struct listing_jobs *listing, const struct job_record *record)
{
    struct workload *workload = listing->workload;
    struct view seen = view_of(record);
    if (record->job >= listing->above)
        workload_fail(workload, "jobs are not listed from the newest on", record->id);
    listing->above = record->job;
    if (listing->filter.route && strcmp(listing->filter.route, record->route) != 0)
        workload_fail(workload, "a job of another route is listed", record->id);
    if (listing->filter.states && !(listing->filter.states >> record->state & 1))
        workload_fail(workload, "a job in another state is listed", record->id);
    if (strcmp(record->route, JOB_CALLBACK_ROUTE) == 0)
        return;
    struct entry *entry = ledger_find(&workload->ledger, record->id);
    if (!entry || entry->is_seen || !has_its_names(entry, record))
        workload_fail(workload, "a job is listed twice, or with what is another's", record->id);
    entry->is_seen = true;
    if (!entry->is_busy && !entry_may_be(entry, &seen))
        workload_fail(workload, "a job is not listed as it is", record->id);
}

static void on_listed(void *arg, const struct job_record *records, size_t count, int64_t next,
                      const ferry_error *error)
{
    struct listing_jobs *listing = arg;
    listing->failed = error && error->code != FERRY_OK;
    if (listing->failed && disk_has_power() && disk_fault_count() == 0)
        workload_fail(listing->workload, "jobs cannot be listed", error->message);
    for (size_t i = 0; !listing->failed && i < count; i++)
        check_listed(listing, &records[i]);
    listing->next = next;
    one_answered(listing->workload);
}

static bool is_to_be_listed(const struct entry *entry, const struct job_filter *filter)
{
    return entry_is_certain(entry) && !entry->is_busy && entry->views[0].is_there &&
           (!filter->route || strcmp(filter->route, entry->route) == 0) &&
           (!filter->states || filter->states >> entry->views[0].state & 1);
}

static void list_all(struct listing_jobs *listing)
{
    struct workload *workload = listing->workload;
    struct ledger *ledger = &workload->ledger;
    do {
        workload->in_flight++;
        store_list(workload->store, &listing->filter, on_listed, listing);
        workload_wait_for_answers(workload);
        listing->filter.before = listing->next;
    } while (!listing->failed && listing->next > 0);
    for (unsigned i = 0; !listing->failed && i < ledger->count; i++) {
        if (!ledger->entries[i].is_seen && is_to_be_listed(&ledger->entries[i], &listing->filter))
            workload_fail(workload, "a job is not listed", ledger->entries[i].id);
    }
}

void workload_list(struct workload *workload)
{
    static const unsigned states[] = {0, 0, 1U << JOB_SUCCEEDED,
                                      1U << JOB_SUCCEEDED | 1U << JOB_DEAD, 1U << JOB_QUEUED};
    struct chance *chance = &workload->chance;
    if (!chance_of(chance, LISTINGS))
        return;
    struct listing_jobs listing = {
        .workload = workload,
        .filter.states = states[chance_below(chance, 5)],
        .filter.route = chance_of(chance, 50) ? workload_route(workload) : NULL,
        .filter.limit = chance_of(chance, 50) ? JOB_PAGE_MAX : 1 + chance_below(chance, 100),
        .above = INT64_MAX,
    };
    ledger_start_check(&workload->ledger);
    list_all(&listing);
}
