/* What is on disk when a process has ended, against what the ledger says. */
#include <string.h>

#include "ledger.h"

void ledger_interrupt(struct ledger *ledger)
{
    for (unsigned i = 0; i < ledger->count; i++) {
        struct entry *entry = &ledger->entries[i];
        for (unsigned v = 0; v < entry->view_count; v++)
            entry->views[v] =
                view_interrupted(entry->views[v], ledger->max_crashes, entry->has_callback);
        entry->is_busy = false;
        entry->claim = (struct claim_key){0};
    }
}

void ledger_start_check(struct ledger *ledger)
{
    for (unsigned i = 0; i < ledger->count; i++)
        ledger->entries[i].is_seen = ledger->entries[i].is_packed = false;
}

static const char *check_input(const struct entry *entry, const struct disk_job *job)
{
    if (job->input_bytes != (int64_t)entry->length)
        return "a job's input has another length than it had";
    if (job->view.state == JOB_SUCCEEDED)
        return job->block ? "a job that has succeeded still has its input" : NULL;
    if (!job->block)
        return "a job has lost its input";
    if (job->length != entry->length || memcmp(job->block, entry->block, job->length) != 0)
        return "a job has another input than it had";
    return NULL;
}

static const char *check_result(const struct entry *entry, const struct disk_job *job)
{
    if (job->view.state != JOB_SUCCEEDED)
        return job->result_status ? "a job has a result that has not succeeded" : NULL;
    const char *type = entry_result_type(entry);
    if (job->result_status != 200 || !job->result_type != !type ||
        (type && strcmp(job->result_type, type) != 0))
        return "a job has another result than it had";
    if (job->result_length != entry_result_length(entry) ||
        (job->result_length > 0 && memcmp(job->result, entry->block, job->result_length) != 0))
        return "the body of a job's result is another one than it was";
    return NULL;
}

static const char *check_names(const struct entry *entry, const struct disk_job *job)
{
    if (strcmp(entry->delivery_id, job->delivery_id) != 0)
        return "a job has another delivery id than it had";
    return strcmp(entry->route, job->route) != 0 ? "a job has another route than it had" : NULL;
}

/* Take what is there for what it is. */
static const char *check_view(struct entry *entry, const struct view *there)
{
    const struct view *fits = NULL;
    for (unsigned v = 0; v < entry->view_count; v++) {
        if (view_equals(&entry->views[v], there))
            fits = &entry->views[v];
    }
    if (!fits && entry_is_certain(entry) && !entry->views[0].is_there)
        return "a job is there that was refused, undone or retired";
    if (!fits)
        return "a job is in a state that no answer allows";
    unsigned callbacks = fits->callbacks;
    entry->views[0] = *there;
    entry->views[0].callbacks = callbacks;
    entry->view_count = 1;
    return NULL;
}

const char *ledger_check_job(struct ledger *ledger, const struct disk_job *job)
{
    struct entry *entry = ledger_find(ledger, job->id);
    if (!entry)
        return "nobody has put this job in";
    if (entry->is_seen)
        return "a job is in two places";
    entry->is_seen = true;
    entry->is_packed = job->is_packed;
    const char *wrong = check_view(entry, &job->view);
    if (!wrong)
        wrong = check_names(entry, job);
    if (!wrong)
        wrong = check_input(entry, job);
    return wrong ? wrong : check_result(entry, job);
}

static void entry_is_gone(struct entry *entry)
{
    for (unsigned v = 0; v < entry->view_count; v++) {
        if (!entry->views[v].is_there)
            entry->views[0] = entry->views[v];
    }
    entry->view_count = 1;
}

const char *ledger_check_missing(struct ledger *ledger)
{
    for (unsigned i = 0; i < ledger->count; i++) {
        struct entry *entry = &ledger->entries[i];
        if (!entry->is_seen && entry_must_be_there(entry))
            return entry->id;
        if (!entry->is_seen)
            entry_is_gone(entry);
    }
    return NULL;
}

unsigned ledger_count_callbacks(const struct ledger *ledger)
{
    unsigned count = 0;
    for (unsigned i = 0; i < ledger->count; i++)
        count += ledger->entries[i].views[0].callbacks;
    return count;
}
