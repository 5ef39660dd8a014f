/*
 * The section `tls` of a listener: its files are read here, so that what is wrong with them is told
 * with its line. Main thread, or the one that reloads.
 *
 * Messages show the paths, never the content.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "certificate_file.h"
#include "config_check.h"
#include "config_path.h"
#include "section.h"

enum client_cert { CLIENT_NONE, CLIENT_REQUEST, CLIENT_REQUIRE, CLIENT_UNSAID };

struct tls_nodes {
    const struct tree *cert;
    const struct tree *key;
    const struct tree *client_ca;
    enum client_cert client;
};

/* Return the path that a key gives, NULL after a report, or if it is not there and need not be. The
 * caller frees it. */
static char *check_file(struct checking *checking, const struct tree *tls, const struct tree *node,
                        const char *key, bool is_needed)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    if (!node && is_needed)
        diagnostics_error(diagnostics, tls->mark, "tls lacks the key \"%s\"", key);
    if (!node || !expect_text(node, key, diagnostics))
        return NULL;
    char *path = config_path(checking->folder, node->text);
    diagnostics->no_memory |= !path;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (path && fd < 0) {
        diagnostics_error(diagnostics, node->mark, "%s: %s: %s", key, path, strerror(errno));
        free(path);
    }
    if (fd < 0)
        return NULL;
    close(fd);
    return path;
}

/* The message says which file it is about, and as what it was to be used. */
static const struct tree *node_of(const struct tls_nodes *nodes, const ferry_tls_options *options,
                                  const char *message)
{
    const struct {
        const struct tree *node;
        const char *path;
        const char *what;
    } all[] = {{nodes->key, options->key, ": cannot be used as the certificate's key"},
               {nodes->client_ca, options->ca, ": cannot be used as the CA"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        size_t length = all[i].path ? strlen(all[i].path) : 0;
        if (length > 0 && strncmp(all[i].path, message, length) == 0 &&
            strncmp(message + length, all[i].what, strlen(all[i].what)) == 0)
            return all[i].node;
    }
    return nodes->cert;
}

static void check_client(struct checking *checking, const struct tree *tls, struct tls_nodes *nodes)
{
    const struct tree *client = tree_find(tls, "client");
    if (nodes->client == CLIENT_UNSAID)
        nodes->client = nodes->client_ca ? CLIENT_REQUIRE : CLIENT_NONE;
    if (client && nodes->client != CLIENT_NONE && !nodes->client_ca) {
        diagnostics_error(checking->diagnostics, client->mark,
                          "client certificates need the key \"client_ca\"");
        diagnostics_hint(checking->diagnostics, "the file of the CA that signs them");
    }
}

/* Every client refuses one that is out of date, and yet it can be served. The first of the file is
 * the server's own. */
static void check_dates(struct checking *checking, const struct tree *node, const char *path)
{
    const char *what = certificate_is_out_of_date(path);
    if (what)
        diagnostics_warning(checking->diagnostics, node->mark, "the certificate %s %s", path, what);
}

static void make_context(struct checking *checking, const struct tls_nodes *nodes,
                         const ferry_tls_options *options, struct config_tls *into)
{
    ferry_error error;
    into->certificate = diagnostics_strdup(checking->diagnostics, options->certificate);
    into->context = ferry_tls_new_server(options, &error);
    if (into->context) {
        check_dates(checking, nodes->cert, options->certificate);
        return;
    }
    const struct tree *node = node_of(nodes, options, error.message);
    diagnostics_error(checking->diagnostics, node->mark, "%s", error.message);
    if (node == nodes->key)
        diagnostics_hint(checking->diagnostics, "a private key in PEM, without a passphrase, of "
                                                "the first certificate in cert");
    else if (node == nodes->cert)
        diagnostics_hint(checking->diagnostics, "PEM: the server's certificate, and then those "
                                                "that lead to its CA");
}

void check_tls(struct checking *checking, const struct tree *tls, struct config_tls *into)
{
    static const char *const clients[] = {"none", "request", "require", NULL};
    static const struct field fields[] = {
        {"cert", FIELD_NODE, FIELD_AT(struct tls_nodes, cert), 0, 0, NULL},
        {"key", FIELD_NODE, FIELD_AT(struct tls_nodes, key), 0, 0, NULL},
        {"client_ca", FIELD_NODE, FIELD_AT(struct tls_nodes, client_ca), 0, 0, NULL},
        {"client", FIELD_WORD, FIELD_AT(struct tls_nodes, client), 0, 0, clients},
        {0},
    };
    struct tls_nodes nodes = {.client = CLIENT_UNSAID};
    if (!tls)
        return;
    if (tls->kind == TREE_NULL) {
        diagnostics_error(checking->diagnostics, tls->key_mark, "tls has no value");
        return;
    }
    if (!expect_map(tls, "tls", checking->diagnostics)) {
        diagnostics_hint(checking->diagnostics, "{cert: PATH, key: PATH}");
        return;
    }
    section_read(tls, "tls", fields, &nodes, checking->diagnostics);
    expect_value(tree_find(tls, "client_ca"), "to ask for no certificate, leave the key out",
                 checking->diagnostics);
    check_client(checking, tls, &nodes);
    char *certificate = check_file(checking, tls, nodes.cert, "cert", true);
    char *key = check_file(checking, tls, nodes.key, "key", true);
    char *ca = check_file(checking, tls, nodes.client_ca, "client_ca", false);
    if (key)
        check_secret_mode(checking, nodes.key, "key");
    if (certificate && key && (ca || !nodes.client_ca)) {
        make_context(checking, &nodes,
                     &(ferry_tls_options){
                         .certificate = certificate,
                         .key = key,
                         .ca = nodes.client == CLIENT_NONE ? NULL : ca,
                         .ca_optional = nodes.client == CLIENT_REQUEST,
                     },
                     into);
        into->asks_client = nodes.client != CLIENT_NONE;
    }
    free(certificate);
    free(key);
    free(ca);
}

void config_tls_fini(struct config_tls *tls)
{
    ferry_tls_free(tls->context);
    free(tls->certificate);
}
