/*
 * trusted_proxies: whose word about their clients counts. Main thread.
 *
 * The forms are those of ferry_http_trust; they are checked here as well, because here the line is
 * known.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "config_check.h"
#include "section.h"

static bool is_network(const char *text)
{
    char host[INET6_ADDRSTRLEN];
    unsigned char binary[sizeof(struct in6_addr)];
    size_t length = strcspn(text, "/");
    if (length >= sizeof host)
        return false;
    memcpy(host, text, length);
    host[length] = '\0';
    bool is_v4 = inet_pton(AF_INET, host, binary) == 1;
    if (!is_v4 && inet_pton(AF_INET6, host, binary) != 1)
        return false;
    if (!text[length])
        return true;
    const char *bits = text + length + 1;
    size_t digits = strspn(bits, "0123456789");
    return digits > 0 && digits <= 3 && !bits[digits] &&
           strtol(bits, NULL, 10) <= (is_v4 ? 32 : 128);
}

static char *read_proxy(const struct tree *node, struct diagnostics *diagnostics)
{
    const char *text = expect_text(node, "trusted_proxies", diagnostics);
    if (!text)
        return NULL;
    if (strcmp(text, "unix") == 0 || is_network(text))
        return diagnostics_strdup(diagnostics, text);
    diagnostics_error(diagnostics, node->mark, "\"%s\" is no address and no network", text);
    diagnostics_hint(diagnostics, "127.0.0.1, 10.0.0.0/8, \"fd00::/8\", or unix for unix sockets");
    return NULL;
}

void check_trusted_proxies(struct checking *checking, const struct tree *proxies)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    bool is_one = proxies && proxies->kind == TREE_SCALAR;
    if (!proxies || (!is_one && !expect_list(proxies, "trusted_proxies", diagnostics)))
        return;
    char **list = calloc(tree_count(proxies) + 2, sizeof *list);
    checking->config->trusted_proxies = list;
    diagnostics->no_memory |= !list;
    size_t count = 0;
    const struct tree *item = is_one ? proxies : proxies->first;
    for (; item && list; item = is_one ? NULL : item->next) {
        char *proxy = read_proxy(item, diagnostics);
        if (proxy)
            list[count++] = proxy;
    }
}
