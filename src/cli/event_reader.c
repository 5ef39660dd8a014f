/* Server-sent events, as the HTML standard has them. One thread; no lock. */
#include "event_reader.h"

#include <stdlib.h>
#include <string.h>

enum { EVENT_MAX = 64 << 20, RETRY_DIGITS_MAX = 9 };

static void copy(struct bytes *to, const char *text)
{
    bytes_clear(to);
    bytes_append_text(to, text);
}

static void event_begin(struct event_reader *reader)
{
    bytes_clear(&reader->name);
    bytes_clear(&reader->data);
}

/* A blank line ends an event; one without data is none. */
static bool event_end(struct event_reader *reader)
{
    bool goes_on = true;
    copy(&reader->last_id, bytes_text(&reader->id));
    if (reader->data.length > 0) {
        reader->data.data[--reader->data.length] = '\0'; /* its last newline */
        goes_on = reader->on_event(reader->arg, reader->name.length ? reader->name.data : "message",
                                   &reader->data);
    }
    event_begin(reader);
    return goes_on;
}

static void read_field(struct event_reader *reader, const char *name, const char *value)
{
    if (strcmp(name, "event") == 0) {
        copy(&reader->name, value);
    } else if (strcmp(name, "data") == 0) {
        bytes_append_text(&reader->data, value);
        bytes_append_char(&reader->data, '\n');
    } else if (strcmp(name, "id") == 0) {
        copy(&reader->id, value);
    } else if (strcmp(name, "retry") == 0) {
        size_t digits = strspn(value, "0123456789");
        if (digits > 0 && digits <= RETRY_DIGITS_MAX && value[digits] == '\0')
            reader->retry_ms = strtol(value, NULL, 10);
    }
}

/* Returns false to end the reading. */
static bool read_line(struct event_reader *reader)
{
    char *line = reader->line.data;
    if (reader->line.length == 0)
        return event_end(reader);
    char *colon = strchr(line, ':');
    if (colon != line) { /* a colon at the start is a comment: a heartbeat */
        static const char nothing[] = "";
        const char *value = nothing;
        if (colon) {
            *colon = '\0';
            value = colon + 1 + (colon[1] == ' ');
        }
        read_field(reader, line, value);
    }
    bytes_clear(&reader->line);
    return true;
}

static size_t line_length(const char *at, const char *end)
{
    const char *start = at;
    while (at < end && *at != '\n' && *at != '\r')
        at++;
    return (size_t)(at - start);
}

bool event_reader_feed(struct event_reader *reader, const char *data, size_t length)
{
    const char *end = data + length;
    for (const char *at = data; at < end; at++) {
        bool is_rest = *at == '\n' && reader->after_return;
        reader->after_return = false;
        if (is_rest)
            continue;
        size_t own = line_length(at, end);
        bytes_append(&reader->line, at, own);
        if (reader->line.length + reader->data.length > EVENT_MAX)
            return false;
        at += own;
        if (at == end)
            break;
        reader->after_return = *at == '\r';
        if (!read_line(reader))
            return false;
    }
    return !reader->line.failed && !reader->data.failed;
}

void event_reader_restart(struct event_reader *reader)
{
    bytes_clear(&reader->line);
    event_begin(reader);
    copy(&reader->id, bytes_text(&reader->last_id));
    reader->after_return = false;
}

void event_reader_fini(struct event_reader *reader)
{
    bytes_fini(&reader->last_id);
    bytes_fini(&reader->line);
    bytes_fini(&reader->name);
    bytes_fini(&reader->data);
    bytes_fini(&reader->id);
}
