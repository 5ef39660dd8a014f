/* What the store's answers say about each job. */
#include "ledger.h"

#include <stdlib.h>
#include <string.h>

void ledger_init(struct ledger *ledger, unsigned max_crashes)
{
    memset(ledger, 0, sizeof *ledger);
    ledger->max_crashes = max_crashes;
}

void ledger_fini(struct ledger *ledger)
{
    for (unsigned i = 0; i < ledger->count; i++)
        free(ledger->entries[i].block);
    ledger->count = 0;
}

struct entry *ledger_add(struct ledger *ledger, const char *route, char *block, size_t length)
{
    if (ledger->count == LEDGER_MAX_JOBS)
        abort();
    struct entry *entry = &ledger->entries[ledger->count++];
    *entry = (struct entry){.route = route, .block = block, .length = length, .view_count = 1};
    return entry;
}

struct entry *ledger_find(struct ledger *ledger, const char *id)
{
    for (unsigned i = 0; i < ledger->count; i++) {
        if (strcmp(ledger->entries[i].id, id) == 0)
            return &ledger->entries[i];
    }
    return NULL;
}

/* ---- views ---- */

static bool view_equals(const struct view *a, const struct view *b)
{
    if (!a->is_there || !b->is_there)
        return a->is_there == b->is_there;
    return a->state == b->state && a->attempt == b->attempt && a->crashes == b->crashes &&
           (job_state_is_final(a->state) || a->run_at_ms == b->run_at_ms) &&
           (!job_state_is_final(a->state) || a->finished_ms == b->finished_ms ||
            a->finished_ms == 0 || b->finished_ms == 0);
}

static bool view_is_waiting(const struct view *view)
{
    return view->is_there && (view->state == JOB_SCHEDULED || view->state == JOB_QUEUED ||
                              view->state == JOB_RETRYING);
}

static bool view_is_due(const struct view *view, int64_t now_ms)
{
    return view_is_waiting(view) && view->run_at_ms <= now_ms;
}

static bool view_is_retired(const struct view *view, int64_t before_ms)
{
    return view->is_there && job_state_is_final(view->state) && view->finished_ms > 0 &&
           view->finished_ms < before_ms;
}

static struct view view_inserted(const struct insert_operation *insert)
{
    return (struct view){
        .is_there = true,
        .state = insert->state,
        .attempt = insert->state == JOB_RUNNING,
        .run_at_ms = insert->run_at_ms,
    };
}

static struct view view_claimed(struct view view, int64_t now_ms)
{
    if (view_is_due(&view, now_ms)) {
        view.state = JOB_RUNNING;
        view.attempt++;
    }
    return view;
}

static struct view view_settled(struct view view, const struct settle_operation *settle)
{
    if (!view.is_there || view.state != JOB_RUNNING)
        return view;
    view.state = settle->state;
    view.finished_ms = settle->finished_ms;
    if (settle->state == JOB_RETRYING)
        view.run_at_ms = settle->run_at_ms;
    return view;
}

/* `run_at_ms` 0: as it was. */
static struct view view_released(struct view view, int64_t run_at_ms)
{
    if (!view.is_there || view.state != JOB_RUNNING)
        return view;
    view.state = JOB_QUEUED;
    view.attempt--;
    view.run_at_ms = run_at_ms ? run_at_ms : view.run_at_ms;
    return view;
}

static struct view view_after(struct view view, const struct operation *operation)
{
    switch (operation->kind) {
    case OPERATION_INSERT:
        return view_inserted((const struct insert_operation *)operation);
    case OPERATION_CLAIM:
        return view_claimed(view, ((const struct claim_operation *)operation)->now_ms);
    case OPERATION_SETTLE:
        return view_settled(view, (const struct settle_operation *)operation);
    case OPERATION_RELEASE:
        return view_released(view, ((const struct release_operation *)operation)->run_at_ms);
    case OPERATION_UNDO:
        return *((const struct undo_operation *)operation)->id ? (struct view){0}
                                                               : view_released(view, 0);
    case OPERATION_RETIRE:
        if (view_is_retired(&view, ((const struct retire_operation *)operation)->before_ms))
            return (struct view){0};
        return view;
    default:
        return view;
    }
}

/* ---- entries ---- */

bool entry_is_certain(const struct entry *entry)
{
    return entry->view_count == 1;
}

static void entry_add_view(struct entry *entry, struct view view)
{
    for (unsigned i = 0; i < entry->view_count; i++) {
        if (view_equals(&entry->views[i], &view))
            return;
    }
    if (entry->view_count == LEDGER_MAX_VIEWS)
        abort();
    entry->views[entry->view_count++] = view;
}

void entry_apply(struct entry *entry, const struct operation *operation, bool certainly)
{
    struct view before[LEDGER_MAX_VIEWS];
    unsigned count = entry->view_count;
    memcpy(before, entry->views, sizeof before);
    if (certainly)
        entry->view_count = 0;
    for (unsigned i = 0; i < count; i++)
        entry_add_view(entry, view_after(before[i], operation));
}

/* ---- operations on several ---- */

/* How many jobs of the claim's route are due, certainly and at most. */
static void count_due(const struct ledger *ledger, const struct claim_operation *claim,
                      unsigned *least, unsigned *most)
{
    *least = *most = 0;
    for (unsigned i = 0; i < ledger->count; i++) {
        const struct entry *entry = &ledger->entries[i];
        unsigned due = 0;
        for (unsigned v = 0; v < entry->view_count; v++)
            due += view_is_due(&entry->views[v], claim->now_ms);
        if (strcmp(entry->route, claim->route) != 0)
            continue;
        *least += due == entry->view_count;
        *most += due > 0;
    }
}

static bool may_be_due(const struct entry *entry, int64_t now_ms)
{
    for (unsigned v = 0; v < entry->view_count; v++) {
        if (view_is_due(&entry->views[v], now_ms))
            return true;
    }
    return false;
}

static const char *claimed_job(struct ledger *ledger, const struct claim_operation *claim,
                               const struct claimed_job *job)
{
    struct entry *entry = ledger_find(ledger, job->id);
    if (!entry || strcmp(entry->route, claim->route) != 0)
        return "a claim took what it was not to take";
    if (!may_be_due(entry, claim->now_ms))
        return "a job was claimed that was not due: it runs or has ended";
    if (job->length != entry->length || memcmp(job->block, entry->block, job->length) != 0)
        return "a job was claimed with another input than it had";
    if (strcmp(job->delivery_id, entry->delivery_id) != 0)
        return "a job was claimed with another delivery id";
    entry_apply(entry, &claim->base, true);
    entry->key = job->key;
    return NULL;
}

/* It may have claimed any of those that are due. */
static void claim_failed(struct ledger *ledger, const struct claim_operation *claim)
{
    for (unsigned i = 0; claim->base.in_doubt && i < ledger->count; i++) {
        struct entry *entry = &ledger->entries[i];
        if (strcmp(entry->route, claim->route) != 0 || !may_be_due(entry, claim->now_ms))
            continue;
        entry_apply(entry, &claim->base, false);
        entry->key.token = claim->token;
    }
}

const char *ledger_claimed(struct ledger *ledger, const struct claim_operation *claim)
{
    if (claim->base.error.code) {
        claim_failed(ledger, claim);
        return NULL;
    }
    unsigned least, most;
    count_due(ledger, claim, &least, &most);
    if (claim->count > most || (claim->count < least && claim->count < claim->limit))
        return "a claim took fewer or more jobs than are due";
    for (unsigned i = 0; i < claim->count; i++) {
        const char *wrong = claimed_job(ledger, claim, &claim->jobs[i]);
        if (wrong)
            return wrong;
    }
    return NULL;
}

void ledger_claim_undone(struct ledger *ledger, const struct undo_operation *undo)
{
    for (unsigned i = 0; i < ledger->count; i++) {
        struct entry *entry = &ledger->entries[i];
        if (entry->key.token == undo->token)
            entry_apply(entry, &undo->base, true);
    }
}

static struct entry *oldest_retired(struct ledger *ledger, int64_t before_ms)
{
    struct entry *oldest = NULL;
    for (unsigned i = 0; i < ledger->count; i++) {
        struct entry *entry = &ledger->entries[i];
        if (entry_is_certain(entry) && view_is_retired(&entry->views[0], before_ms) &&
            (!oldest || entry->views[0].finished_ms < oldest->views[0].finished_ms))
            oldest = entry;
    }
    return oldest;
}

const char *ledger_retired(struct ledger *ledger, const struct retire_operation *retire)
{
    if (retire->base.error.code) {
        for (unsigned i = 0; retire->base.in_doubt && i < ledger->count; i++)
            entry_apply(&ledger->entries[i], &retire->base, false);
        return NULL;
    }
    for (unsigned i = 0; i < retire->count; i++) {
        struct entry *entry = oldest_retired(ledger, retire->before_ms);
        if (!entry)
            return "more jobs were retired than were old enough";
        entry_apply(entry, &retire->base, true);
    }
    return NULL;
}

/* ---- after the end ---- */

static struct view view_interrupted(struct view view, unsigned max_crashes)
{
    if (!view.is_there || view.state != JOB_RUNNING)
        return view;
    view = view_released(view, 0);
    view.crashes++;
    if (max_crashes > 0 && view.crashes >= max_crashes)
        view.state = JOB_DEAD;
    return view;
}

void ledger_interrupt(struct ledger *ledger)
{
    for (unsigned i = 0; i < ledger->count; i++) {
        struct entry *entry = &ledger->entries[i];
        for (unsigned v = 0; v < entry->view_count; v++)
            entry->views[v] = view_interrupted(entry->views[v], ledger->max_crashes);
        entry->is_busy = false;
        entry->key = (struct claim_key){0};
    }
}

void ledger_start_check(struct ledger *ledger)
{
    for (unsigned i = 0; i < ledger->count; i++)
        ledger->entries[i].is_seen = false;
}

static const char *check_block(const struct entry *entry, const struct view *row, const void *block,
                               size_t length)
{
    if (row->state == JOB_SUCCEEDED)
        return block ? "a job that has succeeded still has its input" : NULL;
    if (!block)
        return "a job has lost its input";
    if (length != entry->length || memcmp(block, entry->block, length) != 0)
        return "a job has another input than it had";
    return NULL;
}

const char *ledger_check_row(struct ledger *ledger, const char *id, const struct view *row,
                             const void *block, size_t length)
{
    struct entry *entry = ledger_find(ledger, id);
    if (!entry)
        return "nobody has put this job in";
    entry->is_seen = true;
    unsigned fits = 0;
    for (unsigned v = 0; v < entry->view_count; v++)
        fits += view_equals(&entry->views[v], row);
    if (fits == 0 && entry_is_certain(entry) && !entry->views[0].is_there)
        return "a job is there that was refused, undone or retired";
    if (fits == 0)
        return "a job is in a state that no answer allows";
    entry->views[0] = *row;
    entry->view_count = 1;
    return check_block(entry, row, block, length);
}

const char *ledger_check_missing(struct ledger *ledger)
{
    for (unsigned i = 0; i < ledger->count; i++) {
        struct entry *entry = &ledger->entries[i];
        bool may_be_gone = entry->is_seen;
        for (unsigned v = 0; v < entry->view_count; v++)
            may_be_gone |= !entry->views[v].is_there;
        if (!may_be_gone)
            return entry->id;
        if (!entry->is_seen) {
            entry->views[0] = (struct view){0};
            entry->view_count = 1;
        }
    }
    return NULL;
}
