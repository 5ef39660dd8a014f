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
};

struct isolated *isolated_new(const char *worker, const ferry_worker *kind,
                              const ferry_settings *settings, const char *const *plugins,
                              size_t plugin_count)
{
    struct isolated *isolated = calloc(1, sizeof *isolated);
    if (!isolated)
        return NULL;
    isolated->name = strdup(worker);
    lane_put_opening(&isolated->opening, &(struct lane_opening){
                                             .worker = worker,
                                             .kind = kind->name,
                                             .plugins = plugins,
                                             .plugin_count = plugin_count,
                                             .settings = settings,
                                         });
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

static int open_lane(void *state, void **lane, ferry_error *error)
{
    const struct isolated *isolated = state;
    *lane = lane_new(isolated->name, &isolated->opening);
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
