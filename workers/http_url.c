/*
 * URLs by libcurl's parser, so that what is compared is what libcurl will ask for. Pure functions.
 *
 * libcurl would resolve "." and ".." by itself, but not their escaped forms, which many a server
 * does resolve: a path that may mean another place is refused as a whole.
 */
#include "http_url.h"

#include "ascii.h"
#include "libcurl.h"
#include <stdlib.h>
#include <string.h>

/* ---- the path ---- */

/* The value of a hexadecimal digit, or -1. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Return the character at `*at`, unescaped once, and step over it; -1 where a % begins no escape.
 */
static int next_character(const char **at)
{
    const char *text = *at;
    *at += 1;
    if (*text != '%')
        return (unsigned char)*text;
    int high = hex_digit(text[1]), low = high < 0 ? -1 : hex_digit(text[2]);
    if (low < 0)
        return -1;
    *at += 2;
    return high * 16 + low;
}

/* Tell whether a path means the same place to whoever reads it. */
static bool is_plain_path(const char *at, const char *end)
{
    size_t length = 0, dots = 0; /* of the segment so far */
    while (at < end) {
        int c = next_character(&at);
        if (c <= 0 || at > end)
            return false;
        if (c != '/' && c != '\\') {
            length++;
            dots += c == '.';
            continue;
        }
        if (length > 0 && length <= 2 && dots == length)
            return false;
        length = dots = 0;
    }
    return length == 0 || length > 2 || dots != length;
}

/* libcurl takes "http:/host" and more for "http://host": where the path begins would be a guess.
 * And it unescapes the host, which may then have a slash. */
static int check_form(const char *text, ferry_error *error)
{
    static const char of_schemes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789+-.";
    const char *host = text + strspn(text, of_schemes);
    if (strncmp(host, "://", 3) != 0)
        return ferry_error_set(error, FERRY_INVALID, "url: must begin with http:// or https://");
    host += 3;
    const char *path = host + strcspn(host, "/?#");
    if (path == host)
        return ferry_error_set(error, FERRY_INVALID, "url: its host is missing");
    if (memchr(host, '%', (size_t)(path - host)))
        return ferry_error_set(error, FERRY_INVALID, "url: its host has a %%");
    if (!is_plain_path(path, path + strcspn(path, "?#")))
        return ferry_error_set(error, FERRY_INVALID,
                               "url: its path has a %% that begins no escape, or the segments . "
                               "or ..");
    return 0;
}

/* ---- parsing ---- */

/* libcurl's strings are not malloc's. */
static char *part(CURLU *parsed, CURLUPart what, unsigned flags)
{
    char *text = NULL;
    if (curl_url_get(parsed, what, &text, flags) != CURLUE_OK)
        return NULL;
    char *copy = strdup(text);
    curl_free(text);
    return copy;
}

static int take_parts(struct http_url *url, CURLU *parsed, ferry_error *error)
{
    url->scheme = part(parsed, CURLUPART_SCHEME, 0);
    if (url->scheme && strcmp(url->scheme, "http") != 0 && strcmp(url->scheme, "https") != 0)
        return ferry_error_set(error, FERRY_INVALID, "url: the scheme is http or https, not %.20s",
                               url->scheme);
    curl_url_set(parsed, CURLUPART_FRAGMENT, NULL, 0);
    url->text = part(parsed, CURLUPART_URL, 0);
    url->host = part(parsed, CURLUPART_HOST, 0);
    url->port = part(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    url->path = part(parsed, CURLUPART_PATH, 0);
    char *query = part(parsed, CURLUPART_QUERY, 0);
    url->has_query = query != NULL;
    free(query);
    if (!url->scheme || !url->text || !url->host || !url->port || !url->path)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    return 0;
}

int http_url_parse(struct http_url *url, const char *text, ferry_error *error)
{
    *url = (struct http_url){0};
    if (check_form(text, error) < 0)
        return FERRY_INVALID;
    const char *wrong = libcurl_load();
    if (wrong)
        return ferry_error_set(error, FERRY_INTERNAL, "libcurl: %s", wrong);
    CURLU *parsed = curl_url();
    CURLUcode rc =
        parsed ? curl_url_set(parsed, CURLUPART_URL, text,
                              CURLU_NON_SUPPORT_SCHEME | CURLU_DISALLOW_USER | CURLU_PATH_AS_IS)
               : CURLUE_OUT_OF_MEMORY;
    int result = 0;
    if (rc == CURLUE_OK)
        result = take_parts(url, parsed, error);
    else
        result = ferry_error_set(error, rc == CURLUE_OUT_OF_MEMORY ? FERRY_INTERNAL : FERRY_INVALID,
                                 "url: %s", curl_url_strerror(rc));
    curl_url_cleanup(parsed);
    return result;
}

void http_url_fini(struct http_url *url)
{
    free(url->text);
    free(url->scheme);
    free(url->host);
    free(url->port);
    free(url->path);
    *url = (struct http_url){0};
}

/* ---- comparing ---- */

bool http_url_is_same_origin(const struct http_url *a, const struct http_url *b)
{
    return strcmp(a->scheme, b->scheme) == 0 && ascii_compare(a->host, b->host) == 0 &&
           strcmp(a->port, b->port) == 0;
}

bool http_url_is_below(const struct http_url *url, const struct http_url *prefix)
{
    size_t length = strlen(prefix->path);
    if (!http_url_is_same_origin(url, prefix) || strncmp(url->path, prefix->path, length) != 0)
        return false;
    char next = url->path[length];
    return next == '\0' || next == '/' || prefix->path[length - 1] == '/';
}

/* ---- escaping ---- */

void bytes_append_escaped(struct bytes *out, const char *text, size_t length)
{
    static const char unreserved[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789-._~";
    for (size_t i = 0; i < length; i++) {
        if (text[i] && strchr(unreserved, text[i]))
            bytes_append_char(out, text[i]);
        else
            bytes_printf(out, "%%%02X", (unsigned)(unsigned char)text[i]);
    }
}
