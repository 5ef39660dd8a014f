/*
 * The header scanner: finds the end of a request's header in bytes as they arrive, before evhttp
 * parses them, and what the limits need to know of it. It judges nothing; a strict guard can take
 * its place behind the same functions.
 */
#ifndef HTTP_HEADER_SCAN_H
#define HTTP_HEADER_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HEADER_SCAN_KEEP = 48 };

struct header_scan {
    size_t length;               /* bytes of this header so far */
    size_t line_length;          /* of the line in progress, without its LF */
    int64_t body_bytes;          /* as Content-Length says; -1 when it does not */
    bool is_first;               /* the line in progress is the request line */
    char line[HEADER_SCAN_KEEP]; /* its beginning, if it could be a Content-Length */
};

/* Begin a new request. */
void header_scan_init(struct header_scan *scan);

/* Take the next bytes. Returns whether the header has ended, at `*used` bytes of them. */
bool header_scan_feed(struct header_scan *scan, const char *data, size_t length, size_t *used);

#endif
