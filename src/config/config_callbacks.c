/*
 * The section `callbacks`: to whom a job's end may be told, when its request asks for it. Main
 * thread.
 *
 * They are off until `allow` names where they may go: a server that sent requests to any URL would
 * reach what its clients cannot. An entry ends its host with "/", as "https://hooks.example.org"
 * is the beginning of "https://hooks.example.org.evil.net", too.
 */
#include <stdlib.h>
#include <string.h>

#include "config_check.h"
#include "config_path.h"
#include "section.h"

/* Return what is wrong with an entry, NULL if nothing is. */
static const char *prefix_problem(const char *text)
{
    size_t scheme = 0;
    if (strncmp(text, "https://", 8) == 0)
        scheme = 8;
    else if (strncmp(text, "http://", 7) == 0)
        scheme = 7;
    else
        return "not a URL of http or https";
    for (const char *at = text; *at; at++) {
        if (*at <= ' ' || *at > '~')
            return "a URL is of printable ASCII, without spaces";
    }
    if (strpbrk(text, "?#"))
        return "it ends with a path, before any \"?\" or \"#\"";
    size_t host = strcspn(text + scheme, "/");
    if (memchr(text + scheme, '@', host))
        return "a user's name and password do not belong here";
    if (host == 0 || text[scheme] == ':')
        return "a host is missing";
    return text[scheme + host] == '/' ? NULL : "a \"/\" is missing behind the host";
}

/* NULL after a report. */
static char *read_prefix(const struct tree *node, struct diagnostics *diagnostics)
{
    const char *text = expect_text(node, "allow", diagnostics);
    const char *problem = text ? prefix_problem(text) : NULL;
    if (text && !problem)
        return diagnostics_strdup(diagnostics, text);
    if (problem) {
        diagnostics_error(diagnostics, node->mark, "\"%s\": %s", text, problem);
        diagnostics_hint(diagnostics, "what a URL must begin with: https://hooks.example.org/");
    }
    return NULL;
}

static void read_allow(const struct tree *allow, struct config_callbacks *callbacks,
                       struct diagnostics *diagnostics)
{
    bool is_one = allow->kind == TREE_SCALAR;
    if (!is_one && !expect_list(allow, "allow", diagnostics))
        return;
    callbacks->enabled = is_one || allow->first;
    if (!callbacks->enabled)
        return;
    callbacks->allow = calloc(tree_count(allow) + 2, sizeof *callbacks->allow);
    if (!callbacks->allow) {
        diagnostics->no_memory = true;
        return;
    }
    size_t count = 0;
    for (const struct tree *node = is_one ? allow : allow->first; node; node = node->next) {
        char *prefix = read_prefix(node, diagnostics);
        if (prefix)
            callbacks->allow[count++] = prefix;
        if (is_one)
            break;
    }
}

static void read_secret(struct checking *checking, const struct tree *node)
{
    struct bytes content = {0};
    if (!check_secret_file(checking, node, "secret_file", SECRET_BYTES_MAX, &content))
        return;
    char *path = config_path_absolute(checking->folder, node->text);
    checking->config->callbacks.secret_file = path;
    checking->diagnostics->no_memory |= !path;
    bytes_fini(&content);
}

static void read_callbacks_retry(struct checking *checking, const struct tree *retry)
{
    struct config_callbacks *callbacks = &checking->config->callbacks;
    struct retry_values values = {callbacks->attempts, callbacks->backoff_min_ms,
                                  callbacks->backoff_max_ms};
    check_retry(checking, retry, "callbacks", &values);
    callbacks->attempts = values.attempts;
    callbacks->backoff_min_ms = values.backoff_min_ms;
    callbacks->backoff_max_ms = values.backoff_max_ms;
}

void check_callbacks(struct checking *checking, const struct tree *callbacks)
{
    struct nodes {
        const struct tree *allow;
        const struct tree *secret_file;
        const struct tree *pool;
        const struct tree *retry;
        int64_t timeout_ms;
    } nodes = {.timeout_ms = checking->config->callbacks.timeout_ms};
    static const struct field fields[] = {
        {"allow", FIELD_NODE, FIELD_AT(struct nodes, allow), 0, 0, NULL},
        {"secret_file", FIELD_NODE, FIELD_AT(struct nodes, secret_file), 0, 0, NULL},
        {"pool", FIELD_NODE, FIELD_AT(struct nodes, pool), 0, 0, NULL},
        {"timeout", FIELD_DURATION, FIELD_AT(struct nodes, timeout_ms), 1, DAY_MS, NULL},
        {"retry", FIELD_NODE, FIELD_AT(struct nodes, retry), 0, 0, NULL},
        {0},
    };
    struct config_callbacks *into = &checking->config->callbacks;
    section_read(callbacks, "callbacks", fields, &nodes, checking->diagnostics);
    into->timeout_ms = nodes.timeout_ms;
    if (nodes.allow)
        read_allow(nodes.allow, into, checking->diagnostics);
    if (nodes.secret_file)
        read_secret(checking, nodes.secret_file);
    if (nodes.pool || into->enabled)
        into->pool = check_pool_name(checking, nodes.pool, false);
    read_callbacks_retry(checking, nodes.retry);
    if (callbacks && callbacks->kind == TREE_MAP && callbacks->first && !nodes.allow) {
        diagnostics_warning(checking->diagnostics, callbacks->key_mark,
                            "callbacks are off without the key \"allow\"");
        diagnostics_hint(checking->diagnostics, "allow: [https://hooks.example.org/]");
    }
    if (!into->enabled || nodes.secret_file)
        return;
    diagnostics_error(checking->diagnostics, nodes.allow->key_mark,
                      "callbacks lacks the key \"secret_file\": they are always signed");
    diagnostics_hint(checking->diagnostics,
                     "a file with one word: openssl rand -base64 32 > callbacks.key");
}
