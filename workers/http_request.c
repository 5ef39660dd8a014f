/*
 * Requests: headers that cannot break out of their line. Any thread; nothing is shared.
 */
#include "http_request.h"

#include <stdlib.h>
#include <string.h>

#include "ascii.h"

bool http_is_token(const char *text)
{
    static const char characters[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return *text && !text[strspn(text, characters)];
}

static bool is_header_value(const char *value)
{
    for (; *value; value++) {
        if (((unsigned char)*value < ' ' && *value != '\t') || *value == 0x7F)
            return false;
    }
    return true;
}

/* Whoever could set these would say where the request ends. */
static bool is_framing(const char *name)
{
    static const char *const names[] = {"Connection", "Content-Length",    "Expect", "TE",
                                        "Trailer",    "Transfer-Encoding", "Upgrade"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (ascii_compare(names[i], name) == 0)
            return true;
    }
    return false;
}

int http_request_add_header(struct http_request *request, const char *name, const char *value,
                            ferry_error *error)
{
    if (!http_is_token(name) || is_framing(name))
        return ferry_error_set(error, FERRY_INVALID, "\"%.60s\" cannot be set as a header", name);
    if (!is_header_value(value))
        return ferry_error_set(error, FERRY_INVALID,
                               "header %.60s: line breaks and control characters are not allowed",
                               name);
    bytes_printf(&request->headers, "%s: %s", name, value);
    bytes_append_char(&request->headers, '\0');
    if (request->headers.failed)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    return 0;
}

const char *http_request_next_header(const struct http_request *request, const char *previous)
{
    const char *first = bytes_text(&request->headers), *end = first + request->headers.length;
    const char *next = previous ? previous + strlen(previous) + 1 : first;
    return next == end ? NULL : next;
}

/* Return the first header of a name, NULL if there is none. */
static const char *find_header(const struct http_request *request, const char *name)
{
    size_t length = strlen(name);
    const char *header = NULL;
    while ((header = http_request_next_header(request, header))) {
        if (ascii_compare_n(header, name, length) == 0 && header[length] == ':')
            break;
    }
    return header;
}

bool http_request_has_header(const struct http_request *request, const char *name)
{
    return find_header(request, name) != NULL;
}

void http_request_drop_header(struct http_request *request, const char *name)
{
    struct bytes *headers = &request->headers;
    for (const char *found; (found = find_header(request, name));) {
        size_t from = (size_t)(found - headers->data), size = strlen(found) + 1;
        headers->length -= size;
        memmove(headers->data + from, found + size, headers->length - from);
    }
}

void http_request_fini(struct http_request *request)
{
    bytes_fini(&request->headers);
    *request = (struct http_request){0};
}

bool http_method_has_body(const char *method)
{
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
           strcmp(method, "PATCH") == 0;
}

bool http_method_is_idempotent(const char *method)
{
    static const char *const names[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], method) == 0)
            return true;
    }
    return false;
}

/* ---- headers of the settings ---- */

/* Add "Name: value". */
static int add_line(struct http_request *request, const char *line, ferry_error *error)
{
    size_t length = strcspn(line, ":");
    const char *value = line + length;
    if (!*value)
        return ferry_error_set(error, FERRY_INVALID, "\"%.60s\" is not of the form Name: value",
                               line);
    char *name = text_printf("%.*s", (int)length, line);
    int rc = name
                 ? http_request_add_header(request, name, value + 1 + strspn(value + 1, " "), error)
                 : ferry_error_set(error, FERRY_INTERNAL, "no memory");
    free(name);
    return rc;
}

int http_request_add_headers(struct http_request *request, const char *const *headers,
                             ferry_error *error)
{
    int rc = 0;
    for (; rc == 0 && headers && *headers; headers++)
        rc = add_line(request, *headers, error);
    return rc;
}

const char *const *http_headers_read(ferry_settings *settings)
{
    struct http_request trial = {0};
    ferry_error error;
    const char *const *headers = ferry_settings_list(settings, "headers");
    if (http_request_add_headers(&trial, headers, &error) < 0)
        ferry_settings_fail(settings, "headers", "headers: %s", error.message);
    http_request_fini(&trial);
    return headers;
}
