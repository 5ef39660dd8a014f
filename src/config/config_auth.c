/*
 * The sections `auth`: files of those who may enter. Main thread.
 *
 * The files hold hashes, one in a line. Messages show the path and the number of a line, never what
 * is in it: a secret may stand there by mistake. A section that lets nobody in is an error, as it
 * was hardly meant so.
 */
#include <stdlib.h>
#include <string.h>

#include "config_check.h"
#include "section.h"

enum { AUTH_FILE_BYTES_MAX = 1 << 20 };

/* A file while it is read. */
struct lines {
    struct checking *checking;
    const struct tree *node; /* names the file */
    const char *key;
    unsigned number;
};

static void report_line(const struct lines *lines, const char *problem, const char *hint)
{
    diagnostics_error(lines->checking->diagnostics, lines->node->mark, "%s \"%s\", line %u: %s",
                      lines->key, lines->node->text, lines->number, problem);
    diagnostics_hint(lines->checking->diagnostics, "%s", hint);
}

/* ---- tokens ---- */

/* -1: it is none. */
static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)((at - digits) & 15) : -1;
}

/* What follows the digits behind a blank is not looked at: sha256sum puts a file's name there. */
static bool hash_parse(unsigned char hash[TOKEN_HASH_BYTES], const char *text)
{
    for (size_t i = 0; i < TOKEN_HASH_BYTES; i++, text += 2) {
        int high = hex_digit(text[0]);
        int low = high < 0 ? -1 : hex_digit(text[1]);
        if (low < 0)
            return false;
        hash[i] = (unsigned char)(high << 4 | low);
    }
    return *text == '\0' || *text == ' ' || *text == '\t';
}

static void add_token(struct config_auth *auth, char *line, const struct lines *lines)
{
    struct diagnostics *diagnostics = lines->checking->diagnostics;
    struct config_token token = {0};
    char *colon = strrchr(line, ':');
    if (!hash_parse(token.hash, colon ? colon + 1 : line) || colon == line) {
        report_line(lines, "not HASH or NAME:HASH, of 64 hexadecimal digits",
                    "printf %s \"$TOKEN\" | sha256sum");
        return;
    }
    struct config_token *longer =
        realloc(auth->tokens, (auth->token_count + 1) * sizeof *auth->tokens);
    diagnostics->no_memory |= !longer;
    if (!longer)
        return;
    auth->tokens = longer;
    if (colon) {
        *colon = '\0';
        token.name = diagnostics_strdup(diagnostics, line);
    }
    auth->tokens[auth->token_count++] = token;
}

/* ---- users ---- */

/* Whether crypt(3) hashes this slowly; not DES, not MD5, not the password itself. */
static bool is_password_hash(const char *text)
{
    static const char *const kinds[] = {"$y$", "$gy$", "$7$", "$2y$", "$2b$", "$6$", "$5$"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t length = strlen(kinds[i]);
        if (strncmp(text, kinds[i], length) == 0)
            return strlen(text) > length + 20 && !strpbrk(text, " \t:*!");
    }
    return false;
}

/* htpasswd's, if one does not ask for another: well formed, so that the form is not what is wrong.
 */
static bool is_md5_hash(const char *text)
{
    return strncmp(text, "$1$", 3) == 0 || strncmp(text, "$apr1$", 6) == 0;
}

static bool has_user(const struct config_auth *auth, const char *name)
{
    for (size_t i = 0; i < auth->user_count; i++) {
        if (strcmp(auth->users[i].name, name) == 0)
            return true;
    }
    return false;
}

static void add_user(struct config_auth *auth, char *line, const struct lines *lines)
{
    static const char hint[] = "openssl passwd -6, or mkpasswd -m yescrypt";
    struct diagnostics *diagnostics = lines->checking->diagnostics;
    char *colon = strchr(line, ':');
    if (colon && is_md5_hash(colon + 1)) {
        report_line(lines, "an MD5 hash, which is guessed too fast", hint);
        return;
    }
    if (!colon || colon == line || !is_password_hash(colon + 1)) {
        report_line(lines, "not NAME:HASH, the hash of a password as crypt(5) has it", hint);
        return;
    }
    *colon = '\0';
    if (has_user(auth, line)) {
        report_line(lines, "the name stands further up as well", "a name has one password");
        return;
    }
    struct config_user *longer = realloc(auth->users, (auth->user_count + 1) * sizeof *auth->users);
    diagnostics->no_memory |= !longer;
    if (!longer)
        return;
    auth->users = longer;
    auth->users[auth->user_count++] = (struct config_user){
        diagnostics_strdup(diagnostics, line), diagnostics_strdup(diagnostics, colon + 1)};
}

/* ---- files ---- */

static char *trim(char *line)
{
    line += strspn(line, " \t");
    size_t length = strlen(line);
    while (length > 0 && strchr(" \t\r", line[length - 1]))
        length--;
    line[length] = '\0';
    return line;
}

typedef void add_line(struct config_auth *auth, char *line, const struct lines *lines);

static void read_lines(struct config_auth *auth, char *text, struct lines *lines, add_line *add)
{
    size_t count = 0;
    for (char *line; (line = strsep(&text, "\n"));) {
        lines->number++;
        line = trim(line);
        if (!*line || *line == '#')
            continue;
        count++;
        add(auth, line, lines);
    }
    if (count == 0)
        diagnostics_error(lines->checking->diagnostics, lines->node->mark,
                          "%s \"%s\" is empty: it would let nobody in", lines->key,
                          lines->node->text);
}

static void read_file(struct checking *checking, const struct tree *node, const char *key,
                      struct config_auth *auth, add_line *add)
{
    struct lines lines = {.checking = checking, .node = node, .key = key};
    struct bytes content = {0};
    if (!check_secret_file(checking, node, key, AUTH_FILE_BYTES_MAX, &content))
        return;
    char *text = bytes_take(&content);
    checking->diagnostics->no_memory |= !text;
    if (text)
        read_lines(auth, text, &lines, add);
    free(text);
}

/* ---- certificates ---- */

static void add_subject(struct config_auth *auth, size_t *count, const struct tree *node,
                        struct diagnostics *diagnostics)
{
    const char *text = expect_text(node, "client_cert", diagnostics);
    if (text && !strchr(text, '=')) {
        diagnostics_error(diagnostics, node->mark, "\"%s\" is no subject of a certificate", text);
        diagnostics_hint(diagnostics,
                         "\"CN=ann,O=Example\", as openssl x509 -noout -subject -nameopt "
                         "RFC2253 shows it");
    } else if (text) {
        auth->subjects[(*count)++] = diagnostics_strdup(diagnostics, text);
    }
}

static void read_subjects(struct config_auth *auth, const struct tree *node,
                          struct diagnostics *diagnostics)
{
    size_t count = 0;
    bool is_one = node->kind == TREE_SCALAR;
    if (!is_one && !expect_list(node, "client_cert", diagnostics))
        return;
    if (!is_one && !node->first)
        diagnostics_error(diagnostics, node->mark, "client_cert is empty: it would let nobody in");
    auth->subjects = calloc(tree_count(node) + 2, sizeof *auth->subjects);
    diagnostics->no_memory |= !auth->subjects;
    const struct tree *item = is_one ? node : node->first;
    for (; item && auth->subjects; item = is_one ? NULL : item->next)
        add_subject(auth, &count, item, diagnostics);
}

/* A listener that asks may be one that a reload cannot add, so this is no error. */
static void warn_nobody_asks(const struct checking *checking, const struct tree *node)
{
    const struct config *config = checking->config;
    for (size_t i = 0; config->listen_tls && config->listen[i]; i++) {
        if (config->listen_tls[i].asks_client)
            return;
    }
    diagnostics_warning(checking->diagnostics, node->key_mark,
                        "client_cert lets nobody in: no listener asks for certificates");
    diagnostics_hint(checking->diagnostics,
                     "listen: {address: ..., tls: {cert: ..., key: ..., client_ca: PATH}}");
}

/* ---- the section ---- */

void config_auths_free(struct config_auth *first)
{
    while (first) {
        struct config_auth *auth = first;
        first = auth->next;
        for (size_t i = 0; i < auth->token_count; i++)
            free(auth->tokens[i].name);
        for (size_t i = 0; i < auth->user_count; i++) {
            free(auth->users[i].name);
            free(auth->users[i].hash);
        }
        for (char **subject = auth->subjects; subject && *subject; subject++)
            free(*subject);
        free(auth->subjects);
        free(auth->tokens);
        free(auth->users);
        free(auth);
    }
}

static struct config_auth *auth_new(struct checking *checking)
{
    struct config_auth *auth = calloc(1, sizeof *auth);
    checking->diagnostics->no_memory |= !auth;
    if (auth) {
        auth->next = checking->config->auths;
        checking->config->auths = auth;
    }
    return auth;
}

struct config_auth *check_auth(struct checking *checking, const struct tree *node,
                               const char *where)
{
    struct nodes {
        const struct tree *bearer_file;
        const struct tree *basic_file;
        const struct tree *client_cert;
        int forward_credentials;
    } nodes = {0};
    static const char *const booleans[] = {"false", "true", NULL};
    static const struct field fields[] = {
        {"bearer_file", FIELD_NODE, FIELD_AT(struct nodes, bearer_file), 0, 0, NULL},
        {"basic_file", FIELD_NODE, FIELD_AT(struct nodes, basic_file), 0, 0, NULL},
        {"client_cert", FIELD_NODE, FIELD_AT(struct nodes, client_cert), 0, 0, NULL},
        {"forward_credentials", FIELD_WORD, FIELD_AT(struct nodes, forward_credentials), 0, 0,
         booleans},
        {0},
    };
    struct config_auth *auth = auth_new(checking);
    if (!auth)
        return NULL;
    section_read(node, where, fields, &nodes, checking->diagnostics);
    auth->has_bearer = nodes.bearer_file != NULL;
    auth->has_basic = nodes.basic_file != NULL;
    auth->forward_credentials = nodes.forward_credentials;
    if (nodes.bearer_file)
        read_file(checking, nodes.bearer_file, "bearer_file", auth, add_token);
    if (nodes.basic_file)
        read_file(checking, nodes.basic_file, "basic_file", auth, add_user);
    if (nodes.client_cert) {
        read_subjects(auth, nodes.client_cert, checking->diagnostics);
        if (auth->subjects && auth->subjects[0])
            warn_nobody_asks(checking, nodes.client_cert);
    }
    if (node->kind == TREE_MAP && !nodes.bearer_file && !nodes.basic_file && !nodes.client_cert) {
        diagnostics_error(checking->diagnostics, node->mark, "%s does not say who may enter",
                          where);
        diagnostics_hint(
            checking->diagnostics,
            "auth: {bearer_file: PATH}, {basic_file: PATH}, {client_cert: SUBJECT}, or none");
    }
    return auth;
}
