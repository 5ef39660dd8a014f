/*
 * Addresses: where the server listens, and who may reach its admin listener. Main thread.
 *
 * The forms are those of ferry_http_listen. Names are not looked up anywhere, so a name is refused
 * here, with its line, instead of later.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "config_check.h"
#include "section.h"

/* ---- one address ---- */

static bool is_number(const char *text)
{
    return *text && !text[strspn(text, "0123456789")];
}

static bool is_port(const char *number)
{
    return strlen(number) <= 5 && strtol(number, NULL, 10) <= 65535;
}

/* Copy the host of "host:port" or "[host]:port", NULL if the form is another; NUL-terminated. */
static const char *split_host(const char *text, char *host, size_t size, bool *is_ipv6)
{
    *is_ipv6 = text[0] == '[';
    const char *start = text + *is_ipv6;
    const char *end = strchr(start, *is_ipv6 ? ']' : ':');
    if (!end || (size_t)(end - start) >= size)
        return NULL;
    memcpy(host, start, (size_t)(end - start));
    host[end - start] = '\0';
    end += *is_ipv6;
    return *end == ':' && is_number(end + 1) ? host : NULL;
}

/* Return what is wrong with an address, NULL if nothing is. */
static const char *address_problem(const char *text)
{
    char host[256];
    bool is_ipv6;
    unsigned char binary[sizeof(struct in6_addr)];
    if (strncmp(text, "unix:", 5) == 0) {
        size_t length = strlen(text + 5);
        if (length == 0)
            return "a path is missing";
        return length < sizeof((struct sockaddr_un *)0)->sun_path ? NULL : "the path is too long";
    }
    if (!split_host(text, host, sizeof host, &is_ipv6))
        return "not of the form HOST:PORT";
    if (!is_port(strrchr(text, ':') + 1))
        return "a port is 65535 at most";
    if (is_ipv6)
        return inet_pton(AF_INET6, host, binary) == 1 ? NULL : "no IPv6 address in the brackets";
    if (*host && inet_pton(AF_INET, host, binary) != 1)
        return "the host is no IP address, and names are not looked up";
    return NULL;
}

static bool check_address(const struct tree *node, const char *what,
                          struct diagnostics *diagnostics)
{
    const char *text = expect_text(node, what, diagnostics);
    const char *problem = text ? address_problem(text) : NULL;
    if (problem) {
        diagnostics_error(diagnostics, node->mark, "\"%s\": %s", text, problem);
        diagnostics_hint(diagnostics,
                         "127.0.0.1:8002, \"[::1]:8002\", :8002 for every address of this machine, "
                         "or unix:/run/ferry.sock");
    }
    return text && !problem;
}

/* Port 0 picks a free one each time. */
static bool is_same_address(const char *a, const char *b)
{
    size_t length = strlen(a);
    bool picks = strncmp(a, "unix:", 5) != 0 && length > 2 && strcmp(a + length - 2, ":0") == 0;
    return !picks && strcmp(a, b) == 0;
}

/* ---- listen ---- */

static bool is_listed(char *const *list, const char *address)
{
    for (; *list; list++) {
        if (is_same_address(*list, address))
            return true;
    }
    return false;
}

struct listen_nodes {
    const struct tree *address;
    const struct tree *tls;
};

/* An address, or a map of it with what belongs to it. Returns false after a report. */
static bool read_entry(struct checking *checking, const struct tree *node,
                       struct listen_nodes *entry)
{
    static const struct field fields[] = {
        {"address", FIELD_NODE, FIELD_AT(struct listen_nodes, address), 0, 0, NULL},
        {"tls", FIELD_NODE, FIELD_AT(struct listen_nodes, tls), 0, 0, NULL},
        {0},
    };
    *entry = (struct listen_nodes){.address = node};
    if (node->kind == TREE_MAP) {
        entry->address = NULL;
        section_read(node, "listen", fields, entry, checking->diagnostics);
        if (!entry->address)
            diagnostics_error(checking->diagnostics, node->mark,
                              "listen lacks the key \"address\"");
    }
    return entry->address && check_address(entry->address, "listen", checking->diagnostics);
}

static void add_address(struct checking *checking, const struct tree *node)
{
    struct config *config = checking->config;
    struct listen_nodes entry;
    if (!read_entry(checking, node, &entry))
        return;
    const char *address = entry.address->text;
    if (is_listed(config->listen, address)) {
        diagnostics_error(checking->diagnostics, entry.address->mark, "\"%s\" is listed twice",
                          address);
        return;
    }
    size_t count = 0;
    while (config->listen[count])
        count++;
    config->listen[count] = diagnostics_strdup(checking->diagnostics, address);
    if (config->listen[count])
        check_tls(checking, entry.tls, &config->listen_tls[count]);
}

static bool make_room(struct config *config, size_t count)
{
    for (char **at = config->listen; at && *at; at++)
        free(*at);
    free(config->listen);
    config->listen = calloc(count + 1, sizeof *config->listen);
    config->listen_tls = calloc(count + 1, sizeof *config->listen_tls);
    return config->listen && config->listen_tls;
}

void check_listen(struct checking *checking, const struct tree *listen)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    if (!listen)
        return;
    if (listen->kind == TREE_LIST && !listen->first) {
        diagnostics_error(diagnostics, listen->mark, "listen must be an address or a list of them");
        return;
    }
    if (listen->kind == TREE_NULL)
        return;
    if (!make_room(checking->config, tree_count(listen) + 1)) {
        diagnostics->no_memory = true;
        return;
    }
    if (listen->kind != TREE_LIST)
        add_address(checking, listen);
    for (const struct tree *node = listen->kind == TREE_LIST ? listen->first : NULL; node;
         node = node->next)
        add_address(checking, node);
}

/* ---- admin ---- */

static bool is_loopback(const char *address)
{
    return strncmp(address, "unix:", 5) == 0 || strncmp(address, "127.", 4) == 0 ||
           strncmp(address, "[::1]:", 6) == 0;
}

/* Take the blanks off both ends; what is left must be what an Authorization header can carry. */
static char *token_trim(char *text)
{
    static const char blanks[] = " \t\r\n";
    text += strspn(text, blanks);
    size_t length = strlen(text);
    while (length > 0 && strchr(blanks, text[length - 1]))
        length--;
    text[length] = '\0';
    return text;
}

static const char *token_problem(const char *token)
{
    for (; *token; token++) {
        if (*token <= ' ' || *token > '~')
            return "holds more than one word of printable ASCII";
    }
    return NULL;
}

/* Messages show the path, never the content. */
static void read_token(struct checking *checking, const struct tree *node)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    struct bytes content = {0};
    if (!check_secret_file(checking, node, "token_file", SECRET_BYTES_MAX, &content))
        return;
    char *text = bytes_take(&content);
    char *token = text ? token_trim(text) : NULL;
    const char *problem = token ? token_problem(token) : NULL;
    if (problem)
        diagnostics_error(diagnostics, node->mark, "token_file \"%s\" %s", node->text, problem);
    else if (token)
        checking->config->admin_token = diagnostics_strdup(diagnostics, token);
    diagnostics->no_memory |= !text;
    free(text);
}

static void check_admin_listen(struct checking *checking, const struct tree *node, bool has_token)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    if (!check_address(node, "listen", diagnostics))
        return;
    if (!is_loopback(node->text) && !has_token) {
        diagnostics_error(diagnostics, node->mark,
                          "an admin listener off loopback needs a token_file");
        diagnostics_hint(diagnostics, "anyone who reaches it could read and delete every job");
    }
    free(checking->config->admin_listen);
    checking->config->admin_listen = diagnostics_strdup(diagnostics, node->text);
}

void check_admin(struct checking *checking, const struct tree *admin)
{
    struct nodes {
        const struct tree *listen;
        const struct tree *token_file;
        const struct tree *tls;
    } nodes = {0};
    static const struct field fields[] = {
        {"listen", FIELD_NODE, FIELD_AT(struct nodes, listen), 0, 0, NULL},
        {"token_file", FIELD_NODE, FIELD_AT(struct nodes, token_file), 0, 0, NULL},
        {"tls", FIELD_NODE, FIELD_AT(struct nodes, tls), 0, 0, NULL},
        {0},
    };
    section_read(admin, "admin", fields, &nodes, checking->diagnostics);
    expect_value(tree_find(admin, "token_file"), "to ask for no token, leave the key out",
                 checking->diagnostics);
    if (nodes.token_file)
        read_token(checking, nodes.token_file);
    check_tls(checking, nodes.tls, &checking->config->admin_tls);
    if (nodes.listen)
        check_admin_listen(checking, nodes.listen, nodes.token_file != NULL);
}

void check_listeners_differ(struct checking *checking, const struct tree *place, bool is_of_admin)
{
    const struct config *config = checking->config;
    if (!place || !config->admin_listen || !config->listen ||
        !is_listed(config->listen, config->admin_listen))
        return;
    diagnostics_error(checking->diagnostics, place->mark, "\"%s\" is the address of %s as well",
                      config->admin_listen, is_of_admin ? "listen" : "the admin listener");
}
