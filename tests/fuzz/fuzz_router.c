/*
 * Fuzzing what is made of a target: routes, path parameters, query values.
 *
 * The first byte picks the method; the rest is the target, without a scheme and host.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include "percent.h"
#include "query.h"
#include "router.h"

static void handler(ferry_request *request, void *ctx)
{
    (void)request, (void)ctx;
}

static struct router *routes(void)
{
    static const char *const paths[] = {"/",       "/a",           "/a/b",   "/{x}",
                                        "/a/{x}",  "/{x}/{y}",     "/a/b/c", "/%41/{x}",
                                        "/{x}/b/", "/a/{x}/{y}/c", "//a",    "/{x}//{y}"};
    static const struct route any = {.handler = handler};
    struct router *router = router_new();
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        FUZZ_CHECK(router_add(router, i % 2 ? "GET" : "GET,POST", paths[i], &any, NULL) == 0);
    return router;
}

/* A parameter is a piece of the path, and its value is not longer. */
static void check_match(const struct router_match *match, const char *path, size_t length)
{
    const struct path *found = match->route->path;
    for (size_t i = 0; i < found->param_count; i++) {
        const struct span *param = &match->params[i];
        FUZZ_CHECK(param->length > 0 && param->data > path &&
                   param->data + param->length <= path + length);
        char *value = malloc(param->length + 1);
        if (!value)
            abort();
        const char *end = percent_decode(param->data, param->length, value);
        FUZZ_CHECK(strlen(value) == (size_t)(end - value));
        free(value);
    }
}

static void check_query(char *text)
{
    size_t length = strlen(text), count, sum = 0;
    struct query_value *values = query_parse(text, &count);
    if (!values)
        abort();
    FUZZ_CHECK(count <= length + 1);
    for (size_t i = 0; i < count; i++)
        sum += strlen(values[i].name) + strlen(values[i].value);
    FUZZ_CHECK(sum <= length);
    free(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct router *router;
    struct router_match match;
    if (!router)
        router = routes();
    if (size < 1)
        return 0;
    char *target = malloc(size);
    if (!target)
        abort();
    memcpy(target, data + 1, size - 1);
    target[size - 1] = '\0';
    size_t length = strcspn(target, "?");
    unsigned method = 1u << data[0] % 9;
    if (router_find(router, method, target, length, &match) == ROUTER_FOUND)
        check_match(&match, target, length);
    if (target[length])
        check_query(target + length + 1);
    free(target);
    return 0;
}
