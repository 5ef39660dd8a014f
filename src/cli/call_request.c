/* From the command line to a call's input. Main thread; no state. */
#include "call_request.h"

#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "call_input.h"
#include "path_pattern.h"
#include "percent.h"
#include "request_input.h"

/* ---- the route ---- */

static size_t path_length(const char *target)
{
    return strcspn(target, "?#");
}

/* Whether a comma-separated list has a method; what takes GET takes HEAD. */
static bool takes_method(const char *methods, const char *method)
{
    size_t length = strlen(method);
    for (const char *at = methods; *at; at += *at == ',') {
        size_t own = strcspn(at, ",");
        if (own == length && memcmp(at, method, length) == 0)
            return true;
        at += own;
    }
    return strcmp(method, "HEAD") == 0 && takes_method(methods, "GET");
}

static bool is_match(const struct config_route *route, const char *target)
{
    struct path_param params[PATH_PARAMS_MAX];
    return path_pattern_match(route->path, target, path_length(target), params) >= 0;
}

/* The route that the server would take, of those that take the method; NULL: any method. */
static const struct config_route *find_route(const struct config *config, const char *target,
                                             const char *method)
{
    const struct config_route *best = NULL;
    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];
        if (is_match(route, target) && (!method || takes_method(route->methods, method)) &&
            (!best || path_pattern_is_before(route->path, best->path)))
            best = route;
    }
    return best;
}

/* What of its methods suits a request that says nothing. */
static const char *usual_method(const struct config_route *route)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (takes_method(route->methods, methods[i]))
            return methods[i];
    }
    return "HEAD";
}

const struct config_route *call_request_route(struct call_request *request,
                                              const struct config *config, ferry_error *error)
{
    const char *target = request->target;
    int length = (int)path_length(target);
    if (!percent_is_valid(target, (size_t)length)) {
        ferry_error_set(error, FERRY_INVALID,
                        "%s: a \"%%\" in a path begins an escape, such as %%20", target);
        return NULL;
    }
    const char *wanted = request->method ? request->method : request->has_body ? "POST" : NULL;
    const struct config_route *route = find_route(config, target, wanted);
    if (route) {
        request->method = wanted ? wanted : usual_method(route);
        return route;
    }
    route = find_route(config, target, NULL);
    if (route)
        ferry_error_set(error, FERRY_BAD_METHOD, "%s takes %s, not %s; choose with -X", route->path,
                        route->methods, wanted);
    else
        ferry_error_set(error, FERRY_NOT_FOUND, "there is no route for %.*s%s", length, target,
                        target[0] == '/' ? "" : "; a path begins with \"/\"");
    return NULL;
}

/* ---- the input ---- */

static void add_text(struct bytes *block, enum call_field field, const char *name,
                     const char *value)
{
    call_input_add(block, field, name, value, strlen(value));
}

static void add_params(const struct config_route *route, const char *target, struct bytes *block)
{
    struct path_param params[PATH_PARAMS_MAX];
    int count = path_pattern_match(route->path, target, path_length(target), params);
    for (int i = 0; i < count; i++) {
        char *name = strndup(params[i].name, params[i].name_length);
        char *value = malloc(params[i].value_length + 1);
        block->failed |= !name || !value;
        if (name && value) {
            percent_decode(params[i].value, params[i].value_length, value);
            add_text(block, CALL_PARAM, name, value);
        }
        free(name);
        free(value);
    }
}

/* Add "name=value"; `decode` says whether it is escaped. Takes `pair`. */
static void add_query(char *pair, void (*decode)(char *text), struct bytes *block)
{
    if (!pair) {
        block->failed = true;
        return;
    }
    char *value = strchr(pair, '=');
    if (value)
        *value++ = '\0';
    if (decode) {
        decode(pair);
        if (value)
            decode(value);
    }
    add_text(block, CALL_QUERY, pair, value ? value : "");
    free(pair);
}

static void add_queries(const struct call_request *request, struct bytes *block)
{
    const char *at = strchr(request->target, '?');
    for (at = at ? at + 1 : ""; *at && *at != '#'; at += *at == '&') {
        size_t length = strcspn(at, "&#");
        if (length > 0)
            add_query(strndup(at, length), form_decode, block);
        at += length;
    }
    for (size_t i = 0; i < request->query.count; i++)
        add_query(strdup(request->query.items[i]), NULL, block);
}

static int add_header(const char *line, bool for_disk, struct bytes *block, ferry_error *error)
{
    size_t length = strcspn(line, ": \t");
    if (length == 0 || line[length] != ':' || strpbrk(line, "\r\n"))
        return ferry_error_set(error, FERRY_INVALID, "--header: \"%s\" is not \"Name: value\"",
                               line);
    char *name = strndup(line, length);
    const char *value = line + length + 1;
    if (!name)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    if (request_input_has_header(name, for_disk))
        add_text(block, CALL_HEADER, name, value + strspn(value, " \t"));
    free(name);
    return 0;
}

static int add_headers(const struct call_request *request, bool for_disk, struct bytes *block,
                       ferry_error *error)
{
    static const char type[] = "Content-Type";
    bool has_type = false;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < request->headers.count; i++) {
        const char *line = request->headers.items[i];
        has_type |= ascii_compare_n(line, type, strlen(type)) == 0 && line[strlen(type)] == ':';
        rc = add_header(line, for_disk, block, error);
    }
    if (request->content_type && !has_type)
        add_text(block, CALL_HEADER, type, request->content_type);
    return rc;
}

int call_request_block(const struct call_request *request, const struct config *config,
                       const struct config_route *route, struct bytes *block, ferry_error *error)
{
    if (request->body.length > config->limits.body_bytes)
        return ferry_error_set(error, FERRY_TOO_LARGE,
                               "the body has %zu bytes, and limits.body_bytes is %zu",
                               request->body.length, (size_t)config->limits.body_bytes);
    add_text(block, CALL_METHOD, "", request->method);
    add_params(route, request->target, block);
    add_queries(request, block);
    int rc = add_headers(request, route->mode == ROUTE_DEFER, block, error);
    call_input_end(block, bytes_text(&request->body), request->body.length);
    if (rc == 0 && (block->failed || request->body.failed))
        rc = ferry_error_set(error, FERRY_INTERNAL, "no memory");
    return rc;
}
