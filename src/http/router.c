/*
 * The router.
 *
 * Paths without parameters are in a hash table. Patterns stand in a list, in the order in which
 * they are tried: a literal segment before a parameter, compared from the left. The first path that
 * takes the method wins; if several paths match and none takes it, Allow is what they take
 * together.
 *
 * Paths are compared as they were sent, byte by byte: neither "//" nor "." nor an escape of an
 * ordinary character is normalised, so that two spellings cannot reach one handler by surprise.
 */
#include "router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "percent.h"

enum { SEGMENTS_MAX = 32 };

struct segment {
    struct span text; /* the name, of a parameter */
    bool is_param;
};

struct entry {
    struct path path;
    struct route *routes;
    unsigned methods; /* of all routes */
    size_t segment_count;
    struct segment segments[SEGMENTS_MAX];
    UT_hash_handle hh;  /* a literal */
    struct entry *next; /* a pattern */
    char names[];       /* the pattern, then the parameters' names */
};

struct router {
    unsigned references;
    struct entry *literals;
    struct entry *patterns;
};

/* ---- methods ---- */

static const char *const method_names[] = {"GET",     "POST",  "HEAD",    "PUT",  "DELETE",
                                           "OPTIONS", "TRACE", "CONNECT", "PATCH"};
enum { METHOD_COUNT = sizeof method_names / sizeof *method_names };

const char *method_name(unsigned method)
{
    for (size_t i = 0; i < METHOD_COUNT; i++) {
        if (method == 1u << i)
            return method_names[i];
    }
    return "?";
}

/* TRACE and CONNECT are not to be had. */
static unsigned method_bit(const char *name, size_t length)
{
    for (size_t i = 0; i < METHOD_COUNT; i++) {
        if (strlen(method_names[i]) == length && memcmp(method_names[i], name, length) == 0)
            return (1u << i) & ~(unsigned)(METHOD_TRACE | METHOD_CONNECT);
    }
    return 0;
}

/* Read a list such as "GET,POST"; 0 with `error` set when it is none. */
static unsigned methods_parse(const char *text, ferry_error *error)
{
    unsigned methods = 0;
    text = text ? text : "";
    for (const char *at = text;; at++) {
        at += strspn(at, " ");
        size_t length = strcspn(at, ", ");
        unsigned bit = method_bit(at, length);
        at += length;
        at += strspn(at, " ");
        if (!bit || (*at && *at != ',')) {
            ferry_error_set(error, FERRY_INVALID, "%s: methods are a list such as GET or GET,POST",
                            text);
            return 0;
        }
        methods |= bit;
        if (!*at)
            return methods;
    }
}

char *allow_format(unsigned methods, char text[ALLOW_SIZE])
{
    methods |= METHOD_OPTIONS | (methods & METHOD_GET ? METHOD_HEAD : 0);
    size_t length = 0;
    for (size_t i = 0; i < METHOD_COUNT; i++) {
        if (methods & 1u << i)
            length += (size_t)snprintf(text + length, ALLOW_SIZE - length, "%s%s",
                                       length ? ", " : "", method_names[i]);
    }
    return text;
}

/* ---- patterns ---- */

/* Cut a path at its slashes: "/a//b" has the segments "a", "", "b". Returns how many, or
 * SEGMENTS_MAX + 1. */
static size_t split(const char *path, size_t length, struct span segments[SEGMENTS_MAX])
{
    size_t count = 0;
    const char *end = path + length;
    for (const char *at = path + 1; at <= end; count++) {
        if (count == SEGMENTS_MAX)
            return SEGMENTS_MAX + 1;
        const char *slash = memchr(at, '/', (size_t)(end - at));
        const char *stop = slash ? slash : end;
        segments[count] = (struct span){at, (size_t)(stop - at)};
        at = stop + 1;
    }
    return count;
}

static bool is_equal(struct span a, struct span b)
{
    return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

static bool is_name(struct span text)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    static const char later[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    if (text.length == 0 || !memchr(first, text.data[0], sizeof first - 1))
        return false;
    for (size_t i = 1; i < text.length; i++) {
        if (!memchr(later, text.data[i], sizeof later - 1))
            return false;
    }
    return true;
}

/* Read one segment of a pattern. Returns whether it is well formed. */
static bool segment_parse(struct segment *segment, struct span text)
{
    segment->text = text;
    segment->is_param =
        text.length >= 2 && text.data[0] == '{' && text.data[text.length - 1] == '}';
    if (!segment->is_param)
        return !memchr(text.data, '{', text.length) && !memchr(text.data, '}', text.length);
    segment->text = (struct span){text.data + 1, text.length - 2};
    return is_name(segment->text);
}

/* Give a parameter its name, once in a path. `names` is where the next name goes. */
static char *param_add(struct entry *entry, struct span name, char *names)
{
    struct path *path = &entry->path;
    if (path->param_count == ROUTE_PARAMS_MAX)
        return NULL;
    for (size_t i = 0; i < path->param_count; i++) {
        if (is_equal(name, (struct span){path->param_names[i], strlen(path->param_names[i])}))
            return NULL;
    }
    memcpy(names, name.data, name.length);
    names[name.length] = '\0';
    path->param_names[path->param_count++] = names;
    return names + name.length + 1;
}

static bool entry_parse(struct entry *entry)
{
    const char *pattern = entry->path.pattern;
    size_t length = strlen(pattern);
    struct span texts[SEGMENTS_MAX];
    char *names = entry->names + length + 1;
    entry->segment_count = split(pattern, length, texts);
    if (entry->segment_count > SEGMENTS_MAX)
        return false;
    for (size_t i = 0; i < entry->segment_count; i++) {
        struct segment *segment = &entry->segments[i];
        if (!segment_parse(segment, texts[i]))
            return false;
        if (segment->is_param && !(names = param_add(entry, segment->text, names)))
            return false;
    }
    return true;
}

static bool is_path(const char *text)
{
    if (text[0] != '/')
        return false;
    for (const char *c = text; *c; c++) {
        if (*c <= ' ' || *c > '~' || *c == '?' || *c == '#')
            return false;
    }
    return percent_is_valid(text, strlen(text));
}

static struct entry *entry_new(const char *pattern, ferry_error *error)
{
    pattern = pattern ? pattern : "";
    size_t length = strlen(pattern);
    struct entry *entry = is_path(pattern) ? calloc(1, sizeof *entry + 2 * length + 2) : NULL;
    if (entry) {
        memcpy(entry->names, pattern, length);
        entry->path.pattern = entry->names;
        if (entry_parse(entry))
            return entry;
        free(entry);
    }
    ferry_error_set(error, FERRY_INVALID,
                    "%s: a path begins with / and is literal but for whole segments such as {id}",
                    pattern);
    return NULL;
}

/* The order in which patterns are tried; 0 when they match the same paths. */
static int entry_compare(const struct entry *a, const struct entry *b)
{
    for (size_t i = 0; i < a->segment_count && i < b->segment_count; i++) {
        const struct segment *x = &a->segments[i], *y = &b->segments[i];
        if (x->is_param != y->is_param)
            return x->is_param ? 1 : -1;
        if (x->is_param)
            continue;
        size_t shorter = x->text.length < y->text.length ? x->text.length : y->text.length;
        int order = memcmp(x->text.data, y->text.data, shorter);
        if (order == 0 && x->text.length != y->text.length)
            order = x->text.length < y->text.length ? -1 : 1;
        if (order)
            return order;
    }
    return (a->segment_count > b->segment_count) - (a->segment_count < b->segment_count);
}

/* ---- adding ---- */

/* Tell whether a method of these is bound already on a path like this one. */
static bool is_taken(const struct router *router, const struct entry *entry, unsigned methods)
{
    if (entry->path.param_count == 0) {
        struct entry *same = NULL;
        HASH_FIND_STR(router->literals, entry->path.pattern, same);
        return same && same->methods & methods;
    }
    for (const struct entry *at = router->patterns; at; at = at->next) {
        if (entry_compare(at, entry) == 0 && at->methods & methods)
            return true;
    }
    return false;
}

static struct entry *entry_find(const struct router *router, const struct entry *like)
{
    struct entry *found = NULL;
    if (like->path.param_count == 0) {
        HASH_FIND_STR(router->literals, like->path.pattern, found);
        return found;
    }
    for (found = router->patterns; found; found = found->next) {
        if (strcmp(found->path.pattern, like->path.pattern) == 0)
            return found;
    }
    return NULL;
}

/* Returns whether there was memory. */
static bool entry_add(struct router *router, struct entry *entry)
{
    if (entry->path.param_count == 0) {
        HASH_ADD_KEYPTR(hh, router->literals, entry->path.pattern, strlen(entry->path.pattern),
                        entry);
        return entry->hh.tbl != NULL;
    }
    struct entry **at = &router->patterns;
    while (*at && entry_compare(*at, entry) <= 0)
        at = &(*at)->next;
    entry->next = *at;
    *at = entry;
    return true;
}

static void route_add(struct entry *entry, struct route *route)
{
    route->path = &entry->path;
    route->next = entry->routes;
    entry->routes = route;
    entry->methods |= route->methods;
}

/* Put a route under its path, which may be there already. Returns whether there was memory. */
static bool route_put(struct router *router, struct entry *entry, struct route *route)
{
    struct entry *present = entry_find(router, entry);
    if (present) {
        free(entry);
        route_add(present, route);
        return true;
    }
    if (!entry_add(router, entry)) {
        free(entry);
        return false;
    }
    route_add(entry, route);
    return true;
}

int router_add(struct router *router, const char *methods, const char *path,
               const struct route *what, ferry_error *error)
{
    unsigned bits = methods_parse(methods, error);
    struct entry *entry = bits ? entry_new(path, error) : NULL;
    if (!entry)
        return FERRY_INVALID;
    if (is_taken(router, entry, bits)) {
        free(entry);
        return ferry_error_set(error, FERRY_CONFLICT, "%s %s is bound already", methods, path);
    }
    struct route *route = malloc(sizeof *route);
    if (!route) {
        free(entry);
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    }
    *route = *what;
    route->methods = bits;
    if (!route_put(router, entry, route)) {
        free(route);
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    }
    return 0;
}

/* ---- finding ---- */

static const struct route *route_of(const struct entry *entry, unsigned method)
{
    for (const struct route *route = entry->routes; route; route = route->next) {
        if (route->methods & method)
            return route;
    }
    if (method == METHOD_HEAD)
        return route_of(entry, METHOD_GET);
    return NULL;
}

/* Match segment by segment, and note what the parameters stand for. */
static bool is_match(const struct entry *entry, const struct span *segments, size_t count,
                     struct span *params)
{
    if (entry->segment_count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct segment *segment = &entry->segments[i];
        if (!segment->is_param && !is_equal(segment->text, segments[i]))
            return false;
        if (segment->is_param && segments[i].length == 0)
            return false;
        if (segment->is_param)
            *params++ = segments[i];
    }
    return true;
}

/* Note the first pattern that takes the method, or else what all that match take. */
static void pattern_find(const struct router *router, unsigned method, struct span path,
                         struct router_match *match)
{
    struct span segments[SEGMENTS_MAX];
    size_t count = split(path.data, path.length, segments);
    for (const struct entry *at = router->patterns; at && count <= SEGMENTS_MAX; at = at->next) {
        if (!is_match(at, segments, count, match->params))
            continue;
        match->route = route_of(at, method);
        if (match->route)
            return;
        match->allowed |= at->methods;
    }
}

enum router_outcome router_find(const struct router *router, unsigned method, const char *path,
                                size_t length, struct router_match *match)
{
    match->route = NULL;
    match->allowed = 0;
    if (length == 0 || path[0] != '/')
        return ROUTER_NOT_FOUND;
    struct entry *literal = NULL;
    HASH_FIND(hh, router->literals, path, length, literal);
    if (literal) {
        match->route = route_of(literal, method);
        match->allowed = literal->methods;
    }
    if (!match->route && router->patterns)
        pattern_find(router, method, (struct span){path, length}, match);
    if (match->route)
        return ROUTER_FOUND;
    return match->allowed ? ROUTER_BAD_METHOD : ROUTER_NOT_FOUND;
}

/* ---- life ---- */

struct router *router_new(void)
{
    struct router *router = calloc(1, sizeof *router);
    if (router)
        router->references = 1;
    return router;
}

struct router *router_ref(struct router *router)
{
    router->references++;
    return router;
}

static void entry_free(struct entry *entry)
{
    while (entry->routes) {
        struct route *route = entry->routes;
        entry->routes = route->next;
        free(route);
    }
    free(entry);
}

void router_unref(struct router *router)
{
    if (!router || --router->references > 0)
        return;
    struct entry *entry, *next;
    HASH_ITER (hh, router->literals, entry, next) {
        HASH_DEL(router->literals, entry);
        entry_free(entry);
    }
    for (entry = router->patterns; entry; entry = next) {
        next = entry->next;
        entry_free(entry);
    }
    free(router);
}
