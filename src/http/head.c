/*
 * Heads of requests.
 *
 * One piece of memory holds the struct, its headers and the text, in which each name and value is
 * ended by a NUL in place of what stood behind it. Nothing is checked here: the guard has.
 */
#include "head.h"

#include <assert.h>
#include <string.h>

#include "guard_parts.h"
#include "header_text.h"
#include "router.h"
#include "spare.h"

static const unsigned methods[GUARD_METHOD_COUNT] = {
    [GUARD_GET] = METHOD_GET,          [GUARD_POST] = METHOD_POST,
    [GUARD_PUT] = METHOD_PUT,          [GUARD_PATCH] = METHOD_PATCH,
    [GUARD_DELETE] = METHOD_DELETE,    [GUARD_OPTIONS] = METHOD_OPTIONS,
    [GUARD_HEAD_METHOD] = METHOD_HEAD, [GUARD_TRACE] = METHOD_TRACE,
    [GUARD_CONNECT] = METHOD_CONNECT,
};

/* A target may have a scheme and a host, as for a proxy, and then no path: it gets the slash, in
 * place of the last byte of its host. */
static char *path_of(char *target)
{
    if (*target == '/' || *target == '*')
        return target;
    char *host = strstr(target, "://") + 3;
    char *path = host + strcspn(host, "/?");
    if (*path != '/')
        *--path = '/';
    return path;
}

/* Take the request line apart, METHOD SP TARGET SP HTTP/1.x CR LF; returns where the next begins.
 */
static char *take_line(struct head *head, char *line)
{
    char *end = strchr(line, '\n');
    char *target = strchr(line, ' ') + 1;
    *strchr(target, ' ') = '\0';
    char *path = path_of(target);
    head->path = path;
    head->path_length = strcspn(path, "?");
    if (path[head->path_length] == '?') {
        path[head->path_length] = '\0';
        head->query = path + head->path_length + 1;
    }
    return end + 1;
}

/* Take NAME: VALUE CR LF apart; returns where the next begins. */
static char *take_header(struct header *header, char *line)
{
    char *end = strchr(line, '\n');
    char *colon = strchr(line, ':');
    char *value = colon + 1, *value_end = end - 1;
    *colon = '\0';
    value += strspn(value, " \t");
    while (value_end > value && (value_end[-1] == ' ' || value_end[-1] == '\t'))
        value_end--;
    *value_end = '\0';
    *header = (struct header){.name = line, .value = value};
    return end + 1;
}

struct head *head_new(const struct guard *guard, const char *text, size_t length)
{
    for (; *text == '\r' || *text == '\n'; text++)
        length--;
    size_t count = guard->field_count;
    size_t memory_bytes = sizeof(struct head) + count * sizeof(struct header) + length + 1;
    struct head *head = spare_new(memory_bytes);
    if (!head)
        return NULL;
    assert(guard->method < GUARD_METHOD_COUNT && guard->major == 1);
    *head = (struct head){.method = methods[guard->method],
                          .minor = guard->minor,
                          .headers = (struct header *)(head + 1),
                          .header_count = count,
                          .memory_bytes = memory_bytes};
    char *at = memcpy((char *)(head->headers + count), text, length);
    at[length] = '\0';
    at = take_line(head, at);
    for (size_t i = 0; i < count; i++)
        at = take_header(&head->headers[i], at);
    return head;
}

void head_free(struct head *head)
{
    if (head)
        spare_free(head, head->memory_bytes);
}

const char *head_find(const struct head *head, const char *name)
{
    for (size_t i = 0; i < head->header_count; i++) {
        if (header_is_same(head->headers[i].name, name))
            return head->headers[i].value;
    }
    return NULL;
}

bool head_has_token(const struct head *head, const char *name, const char *token)
{
    for (size_t i = 0; i < head->header_count; i++) {
        if (header_is_same(head->headers[i].name, name) &&
            header_has_token(head->headers[i].value, token))
            return true;
    }
    return false;
}
