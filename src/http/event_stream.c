/*
 * Server-sent events (the HTML standard, 9.2), on a streamed reply. Loop thread.
 */
#include <string.h>

#include <ferry/http_stream.h>

#include "bytes.h"

static bool is_one_line(const char *text)
{
    return !text || !text[strcspn(text, "\r\n")];
}

static void append_field(struct bytes *out, const char *name, const char *value, size_t length)
{
    bytes_printf(out, "%s: ", name);
    bytes_append(out, value, length);
    bytes_append_char(out, '\n');
}

/* A field for each line; the client joins them with LF again. */
static void append_data(struct bytes *out, const char *data)
{
    for (;;) {
        size_t length = strcspn(data, "\r\n");
        append_field(out, "data", data, length);
        data += length;
        if (!*data)
            return;
        data += data[0] == '\r' && data[1] == '\n' ? 2 : 1;
    }
}

ferry_reply *ferry_request_reply_events(ferry_request *request)
{
    ferry_request_set_header(request, "Cache-Control", "no-cache");
    ferry_request_set_header(request, "X-Accel-Buffering", "no");
    return ferry_request_reply_begin(request, 200, "text/event-stream");
}

int ferry_reply_event(ferry_reply *reply, const ferry_event *event)
{
    struct bytes out = {0};
    if (!is_one_line(event->id) || !is_one_line(event->name))
        return FERRY_INVALID;
    if (event->id)
        append_field(&out, "id", event->id, strlen(event->id));
    if (event->name)
        append_field(&out, "event", event->name, strlen(event->name));
    if (event->retry_ms > 0)
        bytes_printf(&out, "retry: %lld\n", (long long)event->retry_ms);
    if (event->data)
        append_data(&out, event->data);
    bytes_append_char(&out, '\n');
    int rc = out.failed ? FERRY_INTERNAL : ferry_reply_write(reply, out.data, out.length);
    bytes_fini(&out);
    return rc;
}

int ferry_reply_heartbeat(ferry_reply *reply)
{
    return ferry_reply_write(reply, ":\n\n", 3);
}
