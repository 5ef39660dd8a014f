#include "late_lookup.h"

#include <stdlib.h>
#include <string.h>

struct late_lookup {
    struct operation base; /* first, so that the operation is the look-up */
    struct reader *reader; /* stays open until the store has answered every operation */
    job_found *found;      /* one of the two is set */
    jobs_listed *listed;
    void *arg;
    char id[RANDOM_ID_TEXT_SIZE];
    struct job_filter filter;
    char *route; /* the filter's */
};

static void lookup_free(struct late_lookup *lookup)
{
    free(lookup->route);
    free(lookup);
}

static void lookup_refuse(const struct late_lookup *lookup, const ferry_error *error)
{
    if (lookup->found)
        lookup->found(lookup->arg, NULL, error);
    else
        lookup->listed(lookup->arg, NULL, 0, 0, error);
}

/* The rows could not be written: one that is not found may be one of those. */
static void on_found_without_rows(void *arg, const struct job_record *record,
                                  const ferry_error *error)
{
    struct late_lookup *lookup = arg;
    const ferry_error *why = error->code == FERRY_NOT_FOUND ? &lookup->base.error : error;
    lookup->found(lookup->arg, record, why);
    lookup_free(lookup);
}

static void on_rows(struct operation *operation)
{
    struct late_lookup *lookup = (struct late_lookup *)operation;
    if (operation->error.code && lookup->found) {
        reader_find(lookup->reader, lookup->id, on_found_without_rows, lookup);
        return;
    }
    if (operation->error.code)
        lookup_refuse(lookup, &operation->error);
    else if (lookup->found)
        reader_find(lookup->reader, lookup->id, lookup->found, lookup->arg);
    else
        reader_list(lookup->reader, &lookup->filter, lookup->listed, lookup->arg);
    lookup_free(lookup);
}

static void lookup_send(struct store *store, const struct late_lookup *asked)
{
    ferry_error error;
    struct late_lookup *lookup = malloc(sizeof *lookup);
    if (!lookup) {
        free(asked->route);
        ferry_error_set(&error, FERRY_REJECTED, "no memory");
        lookup_refuse(asked, &error);
        return;
    }
    *lookup = *asked;
    lookup->base = (struct operation){.kind = OPERATION_GIVE_ROWS, .done = on_rows};
    store_write(store, &lookup->base);
}

void late_find(struct store *store, struct reader *reader, const char *id, job_found *found,
               void *arg)
{
    struct late_lookup lookup = {.reader = reader, .found = found, .arg = arg};
    memcpy(lookup.id, id, sizeof lookup.id);
    lookup_send(store, &lookup);
}

void late_list(struct store *store, struct reader *reader, const struct job_filter *filter,
               jobs_listed *listed, void *arg)
{
    ferry_error error;
    struct late_lookup lookup = {.reader = reader, .listed = listed, .arg = arg, .filter = *filter};
    if (filter->route && !(lookup.route = strdup(filter->route))) {
        ferry_error_set(&error, FERRY_REJECTED, "no memory");
        lookup_refuse(&lookup, &error);
        return;
    }
    lookup.filter.route = lookup.route;
    lookup_send(store, &lookup);
}
