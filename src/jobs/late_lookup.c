#include "late_lookup.h"

#include <stdlib.h>
#include <string.h>

struct late_lookup {
    struct give_row_operation give; /* first, so that the operation is the look-up */
    struct store *store;
    struct reader *reader; /* stays open until the store has answered every operation */
    job_found *found;      /* one of the two is set */
    jobs_listed *listed;
    void *arg;
    struct job_filter filter;
    char *route; /* the filter's */
};

static void lookup_free(struct late_lookup *lookup)
{
    free(lookup->route);
    free(lookup);
}

/* Return a copy; its route is taken over. NULL without memory: it is answered then. */
static struct late_lookup *lookup_new(const struct late_lookup *asked)
{
    ferry_error error;
    struct late_lookup *lookup = malloc(sizeof *lookup);
    if (lookup) {
        *lookup = *asked;
        return lookup;
    }
    free(asked->route);
    ferry_error_set(&error, FERRY_REJECTED, "no memory");
    if (asked->found)
        asked->found(asked->arg, NULL, &error);
    else
        asked->listed(asked->arg, NULL, 0, 0, &error);
    return NULL;
}

/* ---- a job ---- */

/* Where its row could not be given, one that is not found may be there all the same. */
static void on_found_again(void *arg, const struct job_record *record, const ferry_error *error)
{
    struct late_lookup *lookup = arg;
    const ferry_error *failure = &lookup->give.base.error;
    bool is_in_doubt = error->code == FERRY_NOT_FOUND && failure->code;
    lookup->found(lookup->arg, record, is_in_doubt ? failure : error);
    lookup_free(lookup);
}

static void on_row(struct operation *operation)
{
    struct late_lookup *lookup = (struct late_lookup *)operation;
    reader_find(lookup->reader, lookup->give.id, on_found_again, lookup);
}

static void on_found(void *arg, const struct job_record *record, const ferry_error *error)
{
    ferry_error closing;
    struct late_lookup *lookup = arg;
    bool is_missing = error->code == FERRY_NOT_FOUND;
    if (is_missing && !store_is_closing(lookup->store)) {
        lookup->give.base = (struct operation){.kind = OPERATION_GIVE_ROW, .done = on_row};
        store_write(lookup->store, &lookup->give.base);
        return;
    }
    ferry_error_set(&closing, FERRY_REJECTED, "the server is closing");
    lookup->found(lookup->arg, record, is_missing ? &closing : error);
    lookup_free(lookup);
}

void late_find(struct store *store, struct reader *reader, const char *id, job_found *found,
               void *arg)
{
    struct late_lookup asked = {.store = store, .reader = reader, .found = found, .arg = arg};
    memcpy(asked.give.id, id, sizeof asked.give.id);
    struct late_lookup *lookup = lookup_new(&asked);
    if (lookup)
        reader_find(reader, id, on_found, lookup);
}

/* ---- a list ---- */

static void on_rows(struct operation *operation)
{
    struct late_lookup *lookup = (struct late_lookup *)operation;
    if (operation->error.code)
        lookup->listed(lookup->arg, NULL, 0, 0, &operation->error);
    else
        reader_list(lookup->reader, &lookup->filter, lookup->listed, lookup->arg);
    lookup_free(lookup);
}

void late_list(struct store *store, struct reader *reader, const struct job_filter *filter,
               jobs_listed *listed, void *arg)
{
    ferry_error error;
    struct late_lookup asked = {.reader = reader, .listed = listed, .arg = arg, .filter = *filter};
    if (filter->route && !(asked.route = strdup(filter->route))) {
        ferry_error_set(&error, FERRY_REJECTED, "no memory");
        listed(arg, NULL, 0, 0, &error);
        return;
    }
    asked.filter.route = asked.route;
    struct late_lookup *lookup = lookup_new(&asked);
    if (!lookup)
        return;
    lookup->give.base = (struct operation){.kind = OPERATION_GIVE_ROWS, .done = on_rows};
    store_write(store, &lookup->give.base);
}
