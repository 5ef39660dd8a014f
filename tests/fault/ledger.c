/* What the store's answers say about each job. */
#include "ledger.h"

#include <stdlib.h>
#include <string.h>

#include "packs.h"

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

/* ---- entries ---- */

bool entry_is_certain(const struct entry *entry)
{
    return entry->view_count == 1;
}

bool entry_may_be_there(const struct entry *entry)
{
    for (unsigned v = 0; v < entry->view_count; v++) {
        if (entry->views[v].is_there)
            return true;
    }
    return false;
}

bool entry_must_be_there(const struct entry *entry)
{
    for (unsigned v = 0; v < entry->view_count; v++) {
        if (!entry->views[v].is_there)
            return false;
    }
    return true;
}

bool entry_may_be(const struct entry *entry, const struct view *view)
{
    for (unsigned v = 0; v < entry->view_count; v++) {
        if (view_equals(&entry->views[v], view))
            return true;
    }
    return false;
}

size_t entry_result_length(const struct entry *entry)
{
    return entry->length <= LEDGER_MAX_RESULT ? entry->length : 0;
}

const char *entry_result_type(const struct entry *entry)
{
    return entry->length % 3 > 0 ? "text/plain" : NULL;
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
    entry->is_asked_for = false;
    if (certainly)
        entry->view_count = 0;
    for (unsigned i = 0; i < count; i++)
        entry_add_view(entry, view_after(before[i], operation, entry->has_callback));
}

/* ---- claims ---- */

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
    entry->claim = job->key;
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
        entry->claim.token = claim->token;
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
        if (entry->claim.token == undo->token)
            entry_apply(entry, &undo->base, true);
    }
}

static bool is_old_enough(const struct entry *entry, const struct retire_operation *retire)
{
    return entry_is_certain(entry) && strcmp(entry->route, retire->route) == 0 &&
           view_is_retired(&entry->views[0], retire->before_ms);
}

static struct entry *oldest_retired(struct ledger *ledger, const struct retire_operation *retire)
{
    struct entry *oldest = NULL;
    for (unsigned i = 0; i < ledger->count; i++) {
        struct entry *entry = &ledger->entries[i];
        if (is_old_enough(entry, retire) &&
            (!oldest || entry->views[0].finished_ms < oldest->views[0].finished_ms))
            oldest = entry;
    }
    return oldest;
}

/* Tell whether it is known which jobs a route has, and which of them have ended. */
static bool route_is_certain(const struct ledger *ledger, const char *route)
{
    for (unsigned i = 0; i < ledger->count; i++) {
        if (strcmp(ledger->entries[i].route, route) == 0 && !entry_is_certain(&ledger->entries[i]))
            return false;
    }
    return true;
}

/* It may have deleted any of those that are old enough. */
static void may_be_retired(struct ledger *ledger, const struct retire_operation *retire)
{
    for (unsigned i = 0; i < ledger->count; i++) {
        if (strcmp(ledger->entries[i].route, retire->route) == 0)
            entry_apply(&ledger->entries[i], &retire->base, false);
    }
}

/* Which of those that may be in packs are gone, is asked: rows go first, the jobs of a pack go
 * together, when the last one of them is old enough. */
static const char *some_retired(struct ledger *ledger, const struct retire_operation *retire,
                                unsigned most, unsigned rows)
{
    unsigned least = rows < retire->limit ? rows : retire->limit;
    if (retire->count > most || retire->count >= retire->limit + PACK_JOBS)
        return "more jobs were retired than were old enough, or were to be";
    if (retire->count < least)
        return "fewer jobs were retired than were old enough";
    for (unsigned i = 0; i < ledger->count; i++) {
        struct entry *entry = &ledger->entries[i];
        if (!is_old_enough(entry, retire))
            continue;
        entry_apply(entry, &retire->base, retire->count == most);
        entry->is_asked_for = retire->count < most;
    }
    return NULL;
}

/* How many are old enough, and how many of those have rows for sure. */
static void count_old_enough(const struct ledger *ledger, const struct retire_operation *retire,
                             unsigned *all, unsigned *rows)
{
    *all = *rows = 0;
    for (unsigned i = 0; i < ledger->count; i++) {
        const struct entry *entry = &ledger->entries[i];
        bool is_old = is_old_enough(entry, retire);
        *all += is_old;
        *rows += is_old && !(entry->may_be_packed && entry->views[0].state == JOB_SUCCEEDED);
    }
}

const char *ledger_retired(struct ledger *ledger, const struct retire_operation *retire)
{
    unsigned all, rows;
    if (retire->base.error.code && !retire->base.in_doubt)
        return NULL;
    if (retire->base.error.code || !route_is_certain(ledger, retire->route)) {
        may_be_retired(ledger, retire);
        return NULL;
    }
    count_old_enough(ledger, retire, &all, &rows);
    if (rows < all)
        return some_retired(ledger, retire, all, rows);
    for (unsigned i = 0; i < retire->count; i++) {
        struct entry *entry = oldest_retired(ledger, retire);
        if (!entry)
            return "more jobs were retired than were old enough";
        entry_apply(entry, &retire->base, true);
    }
    return NULL;
}

/* ---- operations on one ---- */

static bool shares_key(const struct entry *entry, const struct entry *other)
{
    return entry != other && strcmp(entry->route, other->route) == 0 &&
           strcmp(entry->key, other->key) == 0;
}

static const char *check_added(const struct ledger *ledger, const struct entry *entry)
{
    for (unsigned i = 0; *entry->key && i < ledger->count; i++) {
        const struct entry *other = &ledger->entries[i];
        if (shares_key(entry, other) && entry_must_be_there(other))
            return "a job was made although its key names an earlier one";
    }
    return NULL;
}

static const char *check_repeated(struct ledger *ledger, const struct entry *entry,
                                  const struct insert_operation *insert)
{
    const struct entry *other = ledger_find(ledger, insert->id);
    if (!*entry->key || !other || !shares_key(entry, other) || !entry_may_be_there(other))
        return "a job was not made although its key is new";
    if ((other->fingerprint == entry->fingerprint) != (insert->outcome == INSERT_REPEATED))
        return "a key was compared wrongly";
    return NULL;
}

static const char *check_slot(struct ledger *ledger, const struct insert_operation *insert)
{
    bool is_taken = insert->outcome == INSERT_SLOT_TAKEN;
    if (!is_taken && insert->slot_ms <= ledger->least_slot)
        return "a slot of a schedule was taken twice";
    if (is_taken && insert->slot_ms > ledger->most_slot)
        return "a slot of a schedule was refused that is free";
    if (!is_taken)
        ledger->least_slot = ledger->most_slot = insert->slot_ms;
    return NULL;
}

static void insert_failed(struct ledger *ledger, struct entry *entry,
                          const struct insert_operation *insert)
{
    if (insert->base.in_doubt)
        entry_apply(entry, &insert->base, false);
    /* Without a job of its own a slot may be taken all the same. */
    bool may_have_slot = insert->base.in_doubt || insert->outcome == INSERT_OVERLAPS;
    if (insert->schedule && may_have_slot && insert->slot_ms > ledger->most_slot)
        ledger->most_slot = insert->slot_ms;
}

const char *ledger_inserted(struct ledger *ledger, struct entry *entry,
                            const struct insert_operation *insert)
{
    if (insert->base.error.code) {
        insert_failed(ledger, entry, insert);
        return NULL;
    }
    const char *wrong = NULL;
    if (insert->schedule)
        wrong = check_slot(ledger, insert);
    else if (insert->outcome == INSERT_ADDED)
        wrong = check_added(ledger, entry);
    else
        wrong = check_repeated(ledger, entry, insert);
    entry_apply(entry, &insert->base, true);
    entry->claim = insert->claim;
    return wrong;
}

static bool is_refusal(ferry_code code)
{
    return code == FERRY_CONFLICT || code == FERRY_NOT_FOUND || code == FERRY_GONE;
}

const char *ledger_changed(struct entry *entry, const struct change_operation *change)
{
    unsigned allowed = 0;
    for (unsigned v = 0; v < entry->view_count; v++)
        allowed += view_allows(&entry->views[v], change->action);
    ferry_code code = change->base.error.code;
    if (is_refusal(code))
        return allowed == entry->view_count ? "a change was refused that is allowed" : NULL;
    if (code != FERRY_OK) {
        if (change->base.in_doubt)
            entry_apply(entry, &change->base, false);
        return NULL;
    }
    entry_apply(entry, &change->base, true);
    return allowed == 0 ? "a change was made that is not allowed" : NULL;
}
