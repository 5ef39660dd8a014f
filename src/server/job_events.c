/*
 * Streams of a job's events. Loop thread.
 *
 * A stream watches its job, and looks it up at the beginning and after each change; one look-up is
 * under way at most, so that states which pass quickly may be told as one. The last one is always
 * told. One timer for all streams asks for progress, sends heartbeats, and tries again what could
 * not be done or sent: a client that reads slowly gets the latest and not all.
 *
 * A stream can end before its look-up comes back, which then finds nobody and frees what is left.
 */
#include "job_events.h"

#include <stdlib.h>
#include <string.h>

#include "event_id.h"
#include "job_view.h"

enum { TICK_MS = 250, HEARTBEAT_MS = 15000, RECONNECT_MS = 2000 };

struct job_stream {
    struct job_stream *next, **link;
    struct job_events *all;
    ferry_request *request;
    ferry_reply *reply; /* NULL: nothing was sent yet */
    struct queue_watch *watch;
    struct event_id sent; /* the last id that the client has */
    enum job_state state; /* as it was told */
    struct job_progress progress;
    bool has_progress; /* it was told, of this version */
    bool is_looking;
    bool must_look; /* again, or at the next tick */
    bool has_ended;
    int64_t sent_ms; /* when anything was sent */
    char id[RANDOM_ID_TEXT_SIZE];
};

static double read_count(void *arg)
{
    const struct job_events *events = arg;
    return events->count;
}

void job_events_init(struct job_events *events, ferry_loop *loop, struct queue *queue,
                     unsigned limit, struct metrics *metrics)
{
    *events = (struct job_events){.loop = loop, .queue = queue, .limit = limit};
    metrics_gauge(metrics, "ferry_event_streams", "Streams of a job's events that are open.", "",
                  read_count, events);
}

/* ---- the end of a stream ---- */

/* Let go of the stream; its request is the caller's to answer or to end. */
static ferry_request *stream_close(struct job_stream *stream)
{
    struct job_events *events = stream->all;
    ferry_request *request = stream->request;
    stream->has_ended = true;
    *stream->link = stream->next;
    if (stream->next)
        stream->next->link = stream->link;
    events->count--;
    if (!events->first) {
        ferry_loop_cancel(events->loop, events->tick);
        events->tick = 0;
    }
    if (stream->watch)
        queue_unwatch(stream->watch);
    ferry_request_on_gone(request, NULL, NULL);
    if (!stream->is_looking)
        free(stream);
    return request;
}

/* Without a reply yet there is nothing to say but how to come back. */
static void stream_end(struct job_stream *stream)
{
    ferry_reply *reply = stream->reply;
    ferry_request *request = stream_close(stream);
    ferry_reply_end(reply ? reply : ferry_request_reply_events(request));
}

static void on_gone(void *arg)
{
    stream_end(arg);
}

void job_events_end_all(struct job_events *events)
{
    events->closing = true;
    while (events->first)
        stream_end(events->first);
}

/* ---- sending ---- */

/* Returns whether it was taken. */
static bool stream_send(struct job_stream *stream, const char *name, struct event_id id,
                        struct bytes *data)
{
    char text[EVENT_ID_SIZE];
    ferry_event event = {
        .id = event_id_format(&id, text),
        .name = name,
        .data = bytes_text(data),
        .retry_ms = stream->reply ? 0 : RECONNECT_MS,
    };
    if (!stream->reply)
        stream->reply = ferry_request_reply_events(stream->request);
    bool is_taken = !data->failed && ferry_reply_event(stream->reply, &event) == 0;
    bytes_fini(data);
    if (is_taken) {
        stream->sent = id;
        stream->sent_ms = ferry_loop_now_ms(stream->all->loop);
    }
    return is_taken;
}

static void send_progress(struct job_stream *stream)
{
    struct job_progress now;
    if (!job_view_progress(stream->all->queue, stream->id, &now))
        return;
    if (stream->has_progress && now.fraction == stream->progress.fraction &&
        strcmp(now.message, stream->progress.message) == 0)
        return;
    struct bytes data = {0};
    job_json_progress(&data, &now);
    struct event_id id = {stream->sent.version, stream->sent.progress + 1};
    if (stream_send(stream, "progress", id, &data)) {
        stream->progress = now;
        stream->has_progress = true;
    }
}

/* Tell a state that the client does not have. Returns whether it was taken. */
static bool send_state(struct job_stream *stream, const struct job_record *job)
{
    struct bytes data = {0};
    struct event_id id = {.version = job->version};
    struct job_record without_result = *job;
    without_result.result_status = 0;
    job_view_json(&data, &without_result, stream->all->queue);
    if (!stream_send(stream, "state", id, &data))
        return false;
    stream->has_progress = false;
    return true;
}

static bool send_end(struct job_stream *stream, const struct job_record *job)
{
    struct bytes data = {0};
    job_json(&data, job, NULL);
    return stream_send(stream, "end", (struct event_id){.version = job->version}, &data);
}

/* ---- looking ---- */

static void stream_look(struct job_stream *stream);

/* The job has ended: say so as the last thing, or that there is nothing more to say. */
static void stream_finish(struct job_stream *stream, const struct job_record *job)
{
    if (job->version <= stream->sent.version && !stream->reply) {
        ferry_request_reply(stream_close(stream), 204, NULL, NULL, 0);
        return;
    }
    if (job->version <= stream->sent.version || send_end(stream, job) || stream->all->closing)
        stream_end(stream);
    else
        stream->must_look = true; /* there was no room; the next tick */
}

static void stream_show(struct job_stream *stream, const struct job_record *job)
{
    if (job_state_is_final(job->state)) {
        stream_finish(stream, job);
        return;
    }
    if (job->version > stream->sent.version && !send_state(stream, job))
        stream->must_look = true;
    else
        stream->state = job->state;
    if (!stream->reply) /* the client is to see that the stream lives */
        stream->reply = ferry_request_reply_events(stream->request);
    if (stream->all->closing)
        stream_end(stream);
}

static void on_found(void *arg, const struct job_record *job, const ferry_error *error)
{
    struct job_stream *stream = arg;
    stream->is_looking = false;
    if (stream->has_ended) {
        free(stream);
    } else if (job) {
        bool is_last = job_state_is_final(job->state) || stream->all->closing;
        bool must_look = stream->must_look && !is_last;
        stream->must_look = false;
        stream_show(stream, job);
        if (must_look)
            stream_look(stream);
    } else if (!stream->reply) {
        ferry_request_reply_error(stream_close(stream), error);
    } else if (error->code == FERRY_NOT_FOUND || error->code == FERRY_GONE) {
        stream_end(stream);
    } else {
        stream->must_look = true;
    }
}

static void stream_look(struct job_stream *stream)
{
    stream->must_look = stream->is_looking;
    if (stream->is_looking)
        return;
    stream->is_looking = true;
    queue_get(stream->all->queue, stream->id, on_found, stream);
}

static void on_changed(void *arg, const struct job_change *change)
{
    struct job_stream *stream = arg;
    if (change->version > stream->sent.version || change->is_deleted)
        stream_look(stream);
}

/* ---- the tick ---- */

static void on_tick(void *arg);

static void arm_tick(struct job_events *events)
{
    if (!events->tick)
        events->tick = ferry_loop_call_later(events->loop, TICK_MS, on_tick, events);
}

static void stream_tick(struct job_stream *stream, int64_t now_ms)
{
    if (!stream->reply)
        return;
    if (stream->state == JOB_RUNNING)
        send_progress(stream);
    if (now_ms - stream->sent_ms >= HEARTBEAT_MS && ferry_reply_heartbeat(stream->reply) == 0)
        stream->sent_ms = now_ms;
    if (stream->must_look && !stream->is_looking)
        stream_look(stream);
}

static void on_tick(void *arg)
{
    struct job_events *events = arg;
    int64_t now_ms = ferry_loop_now_ms(events->loop);
    events->tick = 0;
    for (struct job_stream *stream = events->first, *next; stream; stream = next) {
        next = stream->next;
        stream_tick(stream, now_ms);
    }
    if (events->first)
        arm_tick(events);
}

/* ---- beginning ---- */

/* NULL after an answer. */
static struct job_stream *stream_new(struct job_events *events, ferry_request *request,
                                     const char *id)
{
    ferry_error error = {0};
    struct job_stream *stream = NULL;
    if (events->count >= events->limit)
        ferry_error_set(&error, FERRY_REJECTED, "too many event streams are open");
    else if (strlen(id) != RANDOM_ID_TEXT_SIZE - 1)
        ferry_error_set(&error, FERRY_NOT_FOUND, "no such job");
    else if (!(stream = calloc(1, sizeof *stream)))
        ferry_error_set(&error, FERRY_INTERNAL, "no memory");
    if (error.code) {
        ferry_request_reply_error(request, &error);
        return NULL;
    }
    stream->all = events;
    stream->request = request;
    stream->sent = event_id_parse(ferry_request_header(request, "Last-Event-ID"));
    stream->sent_ms = ferry_loop_now_ms(events->loop);
    memcpy(stream->id, id, sizeof stream->id);
    stream->next = events->first;
    stream->link = &events->first;
    if (stream->next)
        stream->next->link = &stream->next;
    events->first = stream;
    events->count++;
    return stream;
}

void job_events_stream(struct job_events *events, ferry_request *request, const char *id)
{
    if (strcmp(ferry_request_method(request), "HEAD") == 0) {
        ferry_reply_end(ferry_request_reply_events(request));
        return;
    }
    struct job_stream *stream = stream_new(events, request, id);
    if (!stream)
        return;
    stream->watch = queue_watch(events->queue, id, on_changed, stream);
    if (!stream->watch) {
        ferry_error error;
        ferry_error_set(&error, FERRY_INTERNAL, "no memory");
        ferry_request_reply_error(stream_close(stream), &error);
        return;
    }
    ferry_request_on_gone(request, on_gone, stream);
    arm_tick(events);
    stream_look(stream);
}
