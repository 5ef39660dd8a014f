/*
 * The header scanner.
 *
 * It runs on every byte of every header, so it goes from LF to LF with memchr and looks only at
 * lines that begin with a C. A line ends at LF, with or without a CR before it, as evhttp has it.
 */
#include "header_scan.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void header_scan_init(struct header_scan *scan)
{
    scan->length = 0;
    scan->line_length = 0;
    scan->body_bytes = -1;
    scan->is_first = true;
    scan->line[0] = '\0';
}

/* Keep the beginning of the line in progress; the line's first byte decides. */
static void line_keep(struct header_scan *scan, const char *data, size_t length)
{
    if (scan->line_length >= sizeof scan->line - 1 || length == 0)
        return;
    if (scan->line_length > 0 ? scan->line[0] == '\0' : (data[0] | 0x20) != 'c' && data[0] != '\r')
        return;
    size_t room = sizeof scan->line - 1 - scan->line_length;
    memcpy(scan->line + scan->line_length, data, length < room ? length : room);
}

static void line_read(struct header_scan *scan)
{
    static const char name[] = "content-length:";
    if (scan->is_first || strncasecmp(scan->line, name, sizeof name - 1) != 0)
        return;
    long long value = strtoll(scan->line + sizeof name - 1, NULL, 10); /* saturates */
    if (value > scan->body_bytes)
        scan->body_bytes = value;
}

bool header_scan_feed(struct header_scan *scan, const char *data, size_t length, size_t *used)
{
    size_t at = 0;
    while (at < length) {
        const char *lf = memchr(data + at, '\n', length - at);
        size_t part = (lf ? (size_t)(lf - data) : length) - at;
        line_keep(scan, data + at, part);
        scan->line_length += part;
        at += part + (lf ? 1 : 0);
        if (!lf)
            break;
        bool is_blank = scan->line_length == 0 || (scan->line_length == 1 && scan->line[0] == '\r');
        line_read(scan);
        memset(scan->line, 0, scan->line[0] ? sizeof scan->line : 1);
        scan->line_length = 0;
        scan->is_first = false;
        if (is_blank) {
            scan->length += at;
            *used = at;
            return true;
        }
    }
    scan->length += at;
    *used = at;
    return false;
}
