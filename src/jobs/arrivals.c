#include "arrivals.h"

#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

#include "arrival_groups.h"
#include "arrival_rows.h"
#include "job_id.h"
#include "journal.h"

/* Bytes of an input, or a result; a bigger one costs more to copy than its row does. */
enum { MAX_DATA = 4096 };

/* An entry begins with memory for what its parts have beside the input, at least, and for the
 * inputs: memory that grows is copied. */
enum { PART_BYTES = 64, MAX_FIRST_BYTES = 64 << 10 };

struct arrivals {
    struct journal *journal;
    unsigned char boot[RANDOM_ID_BYTES];
    struct arrival_groups groups; /* in the journal, and not in the tables */
    bool is_loaded;               /* else nobody knows what is on disk */
    bool is_begun;                /* the database says that the journal is as the memory has it */
    int64_t table_number;         /* up to this entry it says that all is in the tables */

    /* of the list at hand */
    struct arrival_group *coming;    /* what was taken; NULL: nothing */
    bool was_tried;                  /* to write it into the journal */
    bool is_looked_at;               /* an operation needs the rows of all */
    bool is_full;                    /* the disk is */
    const struct arrival_group *old; /* up to it they need theirs; NULL: none */

    /* of the transaction at hand */
    bool has_old_rows; /* those have theirs */
    bool has_all_rows; /* all of them have, and `coming` */
};

static void arrivals_forget(struct arrivals *arrivals)
{
    arrival_groups_remove(&arrivals->groups, NULL);
    arrival_group_free(arrivals->coming);
    arrivals->coming = NULL;
}

bool arrivals_have_rows(const struct arrivals *arrivals)
{
    return arrivals->is_loaded && !arrivals->groups.oldest;
}

/* ---- from the disk ---- */

/* Whose jobs the journal has, and up to which entry all of them are in the tables. */
struct loading {
    struct arrivals *arrivals;
    struct statements *statements;
    unsigned char boot[RANDOM_ID_BYTES];
    int64_t number;
};

/* Mark those of the groups before that an entry ends. */
static void load_endings(struct arrivals *arrivals, const struct arrival_group *group)
{
    struct arrival_part part;
    for (size_t at = 0, next = 0; arrival_read(&group->entry, &next, &part) > 0; at = next) {
        struct arrival_group *of;
        struct arrival_place *place =
            part.kind == PART_ENDING ? arrival_groups_find(&arrivals->groups, &part.ending.key, &of)
                                     : NULL;
        if (place)
            arrival_groups_end(&arrivals->groups, place, group, at);
    }
}

static int load_entry(void *arg, int64_t number, struct bytes *entry, ferry_error *error)
{
    struct loading *loading = arg;
    struct arrivals *arrivals = loading->arrivals;
    struct arrival_group *group;
    int rc = arrival_group_read(loading->statements, loading->boot, entry, &group, error);
    if (rc == FERRY_INVALID) {
        ferry_log(FERRY_LOG_ERROR, "new jobs are lost: their entry in the journal is damaged",
                  "entry=%lld", (long long)number);
        return 0;
    }
    if (rc < 0)
        return rc;
    load_endings(arrivals, group);
    arrival_groups_add(&arrivals->groups, group);
    if (group->count > 0)
        statements_skip_jobs(loading->statements, group->places[group->count - 1].key.job);
    return 0;
}

/* Find out what the database says of the journal. Returns 1, 0: nothing, or a code. */
static int load_state(struct loading *loading, ferry_error *error)
{
    int rc = statement_step(loading->statements, JOURNAL_STATE, error);
    if (rc <= 0)
        return rc;
    sqlite3_stmt *at = statement_of(loading->statements, JOURNAL_STATE);
    bool has_boot = sqlite3_column_bytes(at, 0) == RANDOM_ID_BYTES;
    if (has_boot)
        memcpy(loading->boot, sqlite3_column_blob(at, 0), RANDOM_ID_BYTES);
    loading->number = sqlite3_column_int64(at, 1);
    statement_abandon(loading->statements, JOURNAL_STATE);
    return has_boot;
}

static int load_entries(struct loading *loading, ferry_error *error)
{
    return journal_read(loading->arrivals->journal, loading->boot, loading->number, load_entry,
                        loading, error);
}

/* The last transaction of the handle that was lost may be there all the same: it may have given
 * rows to some, or to all and then deleted some. */
static int load_rows(struct loading *loading, ferry_error *error)
{
    struct arrivals *arrivals = loading->arrivals;
    bool is_own = memcmp(loading->boot, arrivals->boot, RANDOM_ID_BYTES) == 0;
    if (is_own && loading->number == journal_number(arrivals->journal))
        arrival_groups_remove(&arrivals->groups, NULL);
    statements_skip_jobs(loading->statements, arrival_groups_last_job(&arrivals->groups));
    return arrival_groups_find_rows(&arrivals->groups, loading->statements, error);
}

int arrivals_load(struct arrivals *arrivals, struct statements *statements, ferry_error *error)
{
    struct loading loading = {.arrivals = arrivals, .statements = statements};
    arrivals->is_begun = false;
    arrivals->table_number = 0;
    journal_close(arrivals->journal);
    int rc = load_state(&loading, error);
    if (arrivals->is_loaded)
        return rc < 0 ? rc : load_rows(&loading, error);
    if (rc > 0)
        rc = load_entries(&loading, error);
    if (rc < 0)
        arrivals_forget(arrivals);
    arrivals->is_loaded = rc == 0;
    return rc;
}

/* ---- what a list has for the journal ---- */

/* Tell whether the job of an id is in the journal only, or taken for that. */
static bool needs_row(const struct arrivals *arrivals, const char *id)
{
    unsigned char bits[RANDOM_ID_BYTES];
    job_id_parse(id, bits);
    if (arrivals->coming && arrival_group_needs_row(arrivals->coming, bits))
        return true;
    const struct arrival_group *at = arrivals->groups.newest;
    while (at && !arrival_group_needs_row(at, bits))
        at = at->older;
    return at != NULL;
}

/* What is done to jobs by name or by filter, or looks at them. */
static bool looks_at_rows(const struct arrivals *arrivals, const struct operation *operation)
{
    switch (operation->kind) {
    case OPERATION_INSERT:
    case OPERATION_FIND_KEY: /* a job with a key has a row */
    case OPERATION_SETTLE:
    case OPERATION_RELEASE:
    case OPERATION_CLAIM: /* what waits has a row */
    case OPERATION_PAUSE:
        return false;
    case OPERATION_GIVE_ROW:
        return needs_row(arrivals, ((const struct give_row_operation *)operation)->id);
    case OPERATION_CHANGE:
    case OPERATION_SHIFT:
    case OPERATION_UNDO:
    case OPERATION_RETIRE:
    case OPERATION_GIVE_ROWS:
        break;
    }
    return true;
}

static bool may_arrive(const struct insert_operation *insert)
{
    return insert->is_short && insert->state == JOB_RUNNING && !insert->key && !insert->callback &&
           !insert->schedule && !insert->is_wall && insert->run_at_ms == insert->created_ms &&
           insert->length <= MAX_DATA;
}

static bool may_end(const struct settle_operation *settle)
{
    return settle->state == JOB_SUCCEEDED && !settle->failure.code &&
           settle->result_length <= MAX_DATA;
}

/* Return the group of what is taken, which begins with this operation; NULL without memory. */
static struct arrival_group *coming_group(struct arrivals *arrivals,
                                          const struct operation *operation)
{
    unsigned inserts = 0;
    size_t bytes = 0;
    if (arrivals->coming)
        return arrivals->coming;
    for (; operation; operation = operation->next) {
        bool is_insert = operation->kind == OPERATION_INSERT;
        const struct insert_operation *insert = is_insert ? (const void *)operation : NULL;
        inserts += is_insert;
        bytes += PART_BYTES + (is_insert && may_arrive(insert) ? insert->length : 0);
    }
    arrivals->coming = arrival_group_new(arrivals->boot, inserts);
    if (arrivals->coming)
        bytes_reserve(&arrivals->coming->entry, bytes < MAX_FIRST_BYTES ? bytes : MAX_FIRST_BYTES);
    return arrivals->coming;
}

static bool take_insert(struct arrivals *arrivals, struct statements *statements,
                        struct insert_operation *insert)
{
    struct arrival_group *coming =
        may_arrive(insert) ? coming_group(arrivals, &insert->base) : NULL;
    if (!coming || statements_next_job(statements, &insert->claim.job, NULL) < 0)
        return false;
    arrival_group_add(coming, insert);
    insert->outcome = INSERT_ADDED;
    return true;
}

static bool take_settle(struct arrivals *arrivals, struct settle_operation *settle)
{
    struct arrival_group *of;
    struct arrival_place *place =
        may_end(settle) ? arrival_groups_find(&arrivals->groups, &settle->key, &of) : NULL;
    struct arrival_group *coming = place ? coming_group(arrivals, &settle->base) : NULL;
    if (!coming)
        return false;
    arrival_groups_end(&arrivals->groups, place, coming, coming->entry.length);
    arrival_add_ending(&coming->entry, settle);
    settle->changed = true;
    settle->version = 2;
    settle->callbacks = (struct callbacks_added){0};
    return true;
}

static enum operation_way take(struct arrivals *arrivals, struct statements *statements,
                               struct operation *operation, bool takes_inserts)
{
    bool is_taken = false;
    if (operation->kind == OPERATION_GIVE_ROW)
        return WAY_NONE;
    if (operation->kind == OPERATION_INSERT)
        is_taken = takes_inserts &&
                   take_insert(arrivals, statements, (struct insert_operation *)operation);
    else if (operation->kind == OPERATION_SETTLE)
        is_taken = take_settle(arrivals, (struct settle_operation *)operation);
    return is_taken ? WAY_TAKEN : WAY_TABLES;
}

/* It is for a transaction then, and so is what follows. */
static bool is_too_big(const struct arrivals *arrivals)
{
    return arrivals->coming && !journal_fits(arrivals->journal, arrivals->coming->entry.length);
}

/* Operations keep their order for who looks: nothing is taken past it. */
void arrivals_take(struct arrivals *arrivals, struct statements *statements,
                   struct operation *first, bool is_full)
{
    struct operation *at = first;
    for (; at && !looks_at_rows(arrivals, at); at = at->next) {
        if (at->way == WAY_TABLES && !is_too_big(arrivals))
            at->way = take(arrivals, statements, at, !is_full);
        if (at->way == WAY_TABLES)
            continue;
        operation_try(at);
    }
    arrivals->is_looked_at = at != NULL;
    arrivals->is_full = is_full;
    arrivals->old = NULL;
    if (arrivals->coming && arrivals->coming->entry.failed)
        arrivals_drop(arrivals, first);
}

bool arrivals_take_old(struct arrivals *arrivals)
{
    arrivals->old = arrival_groups_old(&arrivals->groups);
    arrivals->is_looked_at = arrivals->old && arrivals->groups.open == 0;
    arrivals->is_full = false;
    return arrivals->old != NULL;
}

static void operations_move(struct operation *first, enum operation_way from, enum operation_way to)
{
    for (struct operation *at = first; at; at = at->next) {
        if (at->way == from)
            at->way = to;
    }
}

bool arrivals_journal(struct arrivals *arrivals, struct operation *first)
{
    ferry_error error;
    struct arrival_group *coming = arrivals->coming;
    if (!coming)
        return true;
    bool is_over = arrivals->groups.open + coming->count == 0;
    if (arrivals->is_looked_at || !arrivals->is_begun || (is_over && !arrivals->is_full) ||
        !journal_has_room(arrivals->journal, coming->entry.length))
        return false;
    arrivals->was_tried = true;
    if (journal_append(arrivals->journal, &coming->entry, &error) < 0) {
        ferry_log(FERRY_LOG_ERROR, "new jobs go into the tables at once", "error=%s",
                  error.message);
        return false;
    }
    arrivals->was_tried = false;
    arrival_groups_add(&arrivals->groups, coming);
    arrivals->coming = NULL;
    operations_move(first, WAY_TAKEN, WAY_JOURNAL);
    return true;
}

void arrivals_leave(struct arrivals *arrivals, struct operation *first)
{
    if (arrivals->coming) {
        arrival_groups_reopen(&arrivals->groups, arrivals->coming);
        operations_move(first, WAY_TAKEN, WAY_TABLES);
    }
    arrival_group_free(arrivals->coming);
    arrivals->coming = NULL;
}

bool arrivals_drop(struct arrivals *arrivals, struct operation *first)
{
    bool may_turn_up = arrivals->was_tried;
    arrivals_leave(arrivals, first);
    arrivals->was_tried = false;
    return may_turn_up;
}

/* ---- rows, in a transaction ---- */

/* Have the database say that all up to the last entry is in the tables. */
static int set_table_number(struct arrivals *arrivals, struct statements *statements,
                            ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, SET_JOURNAL_STATE);
    bind_boot(at, 1, arrivals->boot);
    sqlite3_bind_int64(at, 2, journal_number(arrivals->journal));
    return statement_run(statements, SET_JOURNAL_STATE, error);
}

/* To those of each group up to the last one, and, if that is the newest, of what was taken. */
static int give_rows(struct arrivals *arrivals, struct statements *statements,
                     const struct arrival_group *last, bool together, ferry_error *error)
{
    struct packing packing = {.count = 0};
    const struct arrival_group *end = last ? last->newer : NULL;
    int rc = 0;
    for (struct arrival_group *at = arrivals->groups.oldest; rc == 0 && at != end; at = at->newer)
        rc = together ? arrival_rows_give(statements, at, &packing, error)
                      : arrival_rows_give_alone(statements, at, error);
    if (rc == 0 && !end && arrivals->coming)
        rc = arrival_rows_give(statements, arrivals->coming, &packing, error);
    return rc == 0 ? packing_end(statements, &packing, error) : rc;
}

static int give_all_rows(struct arrivals *arrivals, struct statements *statements, bool together,
                         ferry_error *error)
{
    int rc = give_rows(arrivals, statements, arrivals->groups.newest, together, error);
    bool is_said =
        arrivals->is_begun && arrivals->table_number == journal_number(arrivals->journal);
    if (rc == 0 && !is_said)
        rc = set_table_number(arrivals, statements, error);
    arrivals->has_all_rows = rc == 0;
    return rc;
}

/* That all is in the tables up to there is not said: each job is looked for when its entry is read
 * again. Before any row may be deleted, all have theirs, and that is said. */
static int give_old_rows(struct arrivals *arrivals, struct statements *statements, bool together,
                         ferry_error *error)
{
    int rc = give_rows(arrivals, statements, arrivals->old, together, error);
    arrivals->has_old_rows = rc == 0;
    return rc;
}

/* What the journal was tried with is over as well. */
int arrivals_begin(struct arrivals *arrivals, struct statements *statements, bool together,
                   ferry_error *error)
{
    bool is_needed =
        arrivals->is_looked_at || arrivals->coming || arrivals->was_tried || !arrivals->is_begun;
    if (is_needed)
        return give_all_rows(arrivals, statements, together, error);
    return arrivals->old ? give_old_rows(arrivals, statements, together, error) : 0;
}

int arrivals_prepare(struct arrivals *arrivals, struct statements *statements,
                     const struct operation *operation, bool together, ferry_error *error)
{
    const struct claim_key *key = NULL;
    if (operation->kind == OPERATION_SETTLE)
        key = &((const struct settle_operation *)operation)->key;
    else if (operation->kind == OPERATION_RELEASE)
        key = &((const struct release_operation *)operation)->key;
    if (!key || arrivals->has_all_rows)
        return 0;
    struct arrival_group *group;
    struct arrival_place *place = arrival_groups_find(&arrivals->groups, key, &group);
    if (!place)
        return 0;
    int rc = together ? arrival_row_give(statements, group, place, error)
                      : arrival_row_give_alone(statements, group, place, error);
    if (rc == 0)
        arrival_groups_give_row(&arrivals->groups, place);
    return rc;
}

int arrivals_end(struct arrivals *arrivals, struct statements *statements, bool together,
                 ferry_error *error)
{
    bool is_over = arrivals->groups.oldest && arrivals->groups.open == 0;
    bool is_needed = is_over && !arrivals->is_full && !arrivals->has_all_rows;
    return is_needed ? give_all_rows(arrivals, statements, together, error) : 0;
}

void arrivals_committed(struct arrivals *arrivals)
{
    if (arrivals->has_all_rows) {
        arrivals->is_begun = true;
        arrivals->table_number = journal_number(arrivals->journal);
        arrivals_forget(arrivals);
        arrivals->was_tried = false;
        journal_empty(arrivals->journal);
    } else if (arrivals->has_old_rows) {
        arrival_groups_remove(&arrivals->groups, arrivals->old);
    } else {
        arrival_groups_end_rows(&arrivals->groups, ARRIVAL_HAS_ROW);
    }
    arrivals->has_all_rows = false;
    arrivals->has_old_rows = false;
}

void arrivals_rolled_back(struct arrivals *arrivals)
{
    arrival_groups_end_rows(&arrivals->groups, ARRIVAL_OPEN);
    arrivals->has_all_rows = false;
    arrivals->has_old_rows = false;
}

/* ---- life ---- */

struct arrivals *arrivals_new(const char *database, const unsigned char boot[RANDOM_ID_BYTES])
{
    struct arrivals *arrivals = calloc(1, sizeof *arrivals);
    if (!arrivals)
        return NULL;
    memcpy(arrivals->boot, boot, sizeof arrivals->boot);
    arrivals->journal = journal_new(database, boot);
    if (arrivals->journal)
        return arrivals;
    arrivals_free(arrivals);
    return NULL;
}

void arrivals_free(struct arrivals *arrivals)
{
    if (!arrivals)
        return;
    arrivals_forget(arrivals);
    journal_free(arrivals->journal);
    free(arrivals);
}
