/*
 * URLs of the workers that speak HTTP: taken apart, compared, escaped. Any thread; nothing is
 * shared.
 */
#ifndef WORKERS_HTTP_URL_H
#define WORKERS_HTTP_URL_H

#include "bytes.h"

/* An absolute http or https URL. */
struct http_url {
    char *text; /* all of it, without a fragment */
    char *scheme;
    char *host;
    char *port; /* the scheme's own, where the URL names none */
    char *path; /* as it was written, escapes and all */
    bool has_query;
};

/*
 * Take a URL apart. Refused, since two readers could understand them differently or they do not
 * belong into a URL of a config or a request: a user name, an escape in the host, control
 * characters and spaces, a path with a NUL, a wrong escape, or "." and ".." as segments, also when
 * these appear by unescaping. Returns 0, or FERRY_INVALID, FERRY_INTERNAL without memory; the
 * struct is to be finished in any case.
 */
int http_url_parse(struct http_url *url, const char *text, ferry_error *error);
void http_url_fini(struct http_url *url);

/* Tell whether both have the same scheme, host and port. */
bool http_url_is_same_origin(const struct http_url *a, const struct http_url *b);

/* Tell whether a URL has the origin of `prefix`, and its path begins with all segments of that. */
bool http_url_is_below(const struct http_url *url, const struct http_url *prefix);

/* Append with all bytes but the unreserved ones (RFC 3986) as %XX: a segment, a name, a value. */
void bytes_append_escaped(struct bytes *out, const char *text, size_t length);

#endif
