/* The hooks of isolated workers: a thread's state is its lane. Pool threads, and the loop for the
 * cancel. */
#include "isolated.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lane.h"
#include "lane_messages.h"

struct isolated {
    char *name;
    struct bytes opening; /* the first message to each process */
    size_t answer_limit;
};

struct isolated *isolated_new(const struct lane_opening *opening)
{
    struct isolated *isolated = calloc(1, sizeof *isolated);
    if (!isolated)
        return NULL;
    isolated->name = strdup(opening->worker);
    isolated->answer_limit = opening->answer_limit;
    lane_put_opening(&isolated->opening, opening);
    if (isolated->name && !isolated->opening.failed)
        return isolated;
    isolated_free(isolated);
    return NULL;
}

void isolated_free(struct isolated *isolated)
{
    if (!isolated)
        return;
    free(isolated->name);
    bytes_fini(&isolated->opening);
    free(isolated);
}

size_t isolated_answer_limit(const struct isolated *isolated)
{
    return isolated ? isolated->answer_limit : 0;
}

static int open_lane(void *state, void **lane, ferry_error *error)
{
    const struct isolated *isolated = state;
    *lane = lane_new(isolated->name, &isolated->opening, isolated->answer_limit);
    if (*lane)
        return 0;
    return ferry_error_set(error, FERRY_TRANSIENT, "%s", strerror(errno));
}

static void close_lane(void *lane)
{
    lane_free(lane);
}

static int run(ferry_call *call, void *lane)
{
    return lane_run(lane, call);
}

static void cancel(ferry_call *call)
{
    struct lane *lane = ferry_call_data(call);
    if (lane)
        lane_interrupt(lane);
}

const ferry_worker isolated_hooks = {
    .abi = FERRY_WORKER_ABI,
    .name = "isolated",
    .thread_open = open_lane,
    .thread_close = close_lane,
    .run = run,
    .cancel = cancel,
};
