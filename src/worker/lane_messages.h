/*
 * The messages of a lane, each with who puts it and who takes it side by side. A take fails with
 * FERRY_INVALID when the message is not sound.
 */
#ifndef WORKER_LANE_MESSAGES_H
#define WORKER_LANE_MESSAGES_H

#include <ferry/worker.h>

#include "message.h"

/* Which worker, the paths of all plug-ins that the server has loaded, and the folder that they are
 * relative to. */
struct lane_opening {
    const char *worker; /* its name, by the config */
    const char *kind;
    const char *const *plugins;
    size_t plugin_count;
    const char *folder; /* NULL: that of the server, which a plug-in may have changed */
    const ferry_settings *settings;
    size_t answer_limit; /* of an answer's body and headers, in bytes */
};

/* Whoever takes it frees the settings and the list of plug-ins, which a NULL ends; the texts are
 * the message's. */
struct lane_opened {
    const char *worker;
    const char *kind;
    const char **plugins;
    const char *folder; /* "": none */
    ferry_settings *settings;
    size_t answer_limit;
};

/* How the log is set: of the calling process, from then on. */
void lane_put_log(struct bytes *out);
int lane_take_log(struct message *message);

void lane_put_opening(struct bytes *out, const struct lane_opening *opening);
int lane_take_opening(struct message *message, struct lane_opened *opened, ferry_error *error);

/* What was asked, with how much time is left, and how the log is set. The call that is taken is of
 * a worker of this process, and the caller's. */
struct worker;
void lane_put_call(struct bytes *out, const ferry_call *call);
ferry_call *lane_take_call(struct message *message, const struct worker *worker,
                           ferry_error *error);

void lane_put_progress(struct bytes *out, double fraction, const char *text);
int lane_take_progress(struct message *message, ferry_call *call);

/* Lines of the log that one has dropped count as the other's. */
void lane_put_dropped(struct bytes *out, uint64_t count);
int lane_take_dropped(struct message *message);

/* How a call has ended: what one has is what the other gets. */
void lane_put_answer(struct bytes *out, ferry_call *call);
int lane_take_answer(struct message *message, ferry_call *call);

#endif
