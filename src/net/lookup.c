/*
 * Name look-ups.
 *
 * A lookup is used by two threads one after the other: the loop makes it, a thread of the executor
 * fills in what it found, the mailbox brings it back. `done` is the loop's alone. Whoever has it at
 * the end frees it: the loop, or, when that has closed, the thread that finds out.
 */
#include "lookup.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lookup {
    char host[ADDRESS_HOST_SIZE];
    char port[ADDRESS_PORT_SIZE];
    struct address addresses[LOOKUP_MAX];
    size_t count;
    ferry_error error;
    ferry_task *task;
    lookup_done *done; /* NULL: nobody waits any more */
    void *arg;
};

static void failure_of(int code, struct lookup *lookup)
{
    ferry_code meaning = FERRY_TRANSIENT;
    if (code == EAI_NONAME || code == EAI_NODATA)
        meaning = FERRY_NOT_FOUND;
    else if (code == EAI_MEMORY)
        meaning = FERRY_INTERNAL;
    ferry_error_set(&lookup->error, meaning, "%s: %s", lookup->host,
                    code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code));
}

static void lookup_run(void *arg)
{
    struct lookup *lookup = arg;
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(lookup->host, lookup->port, &wanted, &found);
    if (code) {
        failure_of(code, lookup);
        return;
    }
    for (struct addrinfo *at = found; at && lookup->count < LOOKUP_MAX; at = at->ai_next) {
        struct address *address = &lookup->addresses[lookup->count];
        if (at->ai_addrlen > sizeof address->local)
            continue;
        memcpy(&address->local, at->ai_addr, at->ai_addrlen);
        address->length = at->ai_addrlen;
        lookup->count++;
    }
    freeaddrinfo(found);
}

static void lookup_end(void *arg, const ferry_task_report *report)
{
    struct lookup *lookup = arg;
    if (report->outcome != FERRY_OK)
        ferry_error_set(&lookup->error, report->outcome, "%s: the name was not looked up",
                        lookup->host);
    else if (!lookup->error.code && lookup->count == 0)
        ferry_error_set(&lookup->error, FERRY_NOT_FOUND, "%s: no address", lookup->host);
    if (lookup->done)
        lookup->done(lookup->arg, lookup->addresses, lookup->count, &lookup->error);
    free(lookup);
}

static void lookup_dropped(void *arg, const ferry_task_report *report)
{
    (void)report;
    free(arg);
}

struct lookup *lookup_start(ferry_loop *loop, ferry_executor *executor, const char *host,
                            const char *port, lookup_done *done, void *arg, ferry_error *error)
{
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup) {
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    snprintf(lookup->host, sizeof lookup->host, "%s", host);
    snprintf(lookup->port, sizeof lookup->port, "%s", port);
    lookup->done = done;
    lookup->arg = arg;
    const ferry_task_work work = {
        .run = lookup_run,
        .done = lookup_end,
        .dropped = lookup_dropped,
        .arg = lookup,
        .bytes = sizeof *lookup,
    };
    lookup->task = ferry_executor_submit(executor, loop, &work, error);
    if (lookup->task)
        return lookup;
    free(lookup);
    return NULL;
}

void lookup_cancel(struct lookup *lookup)
{
    lookup->done = NULL;
    ferry_task_cancel(lookup->task);
}
