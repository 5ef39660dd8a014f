/*
 * Builds a tree from libfyaml's events. Main thread.
 *
 * Only the plain part of YAML is taken: one document of maps with plain keys, lists and scalars.
 * Anchors, tags and keys that are collections are refused by name: a config reads better without
 * them, and none of them can then blow it up. Depth and count are bounded here.
 *
 * Invariant: `open` holds the collections that are not closed yet, each the child of the one before
 * it; `key` is set exactly while the innermost one is a map whose entry lacks its value.
 */
#include "yaml.h"

#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

struct builder {
    const struct source *source;
    struct diagnostics *diagnostics;
    struct tree *root;
    struct tree *open[YAML_DEPTH_MAX];
    size_t depth;
    size_t node_count;
    size_t document_count;
    char *key;
    struct mark key_mark;
};

/* ---- marks ---- */

static struct mark mark_between(const struct builder *builder, const struct fy_mark *start,
                                const struct fy_mark *end)
{
    struct mark mark = {.source = builder->source};
    if (start) {
        mark.offset = start->input_pos;
        mark.length = end && end->input_pos > start->input_pos ? end->input_pos - mark.offset : 0;
    } else if (builder->key) {
        mark = builder->key_mark;
    } else if (builder->depth > 0) {
        mark = builder->open[builder->depth - 1]->mark;
    }
    return mark;
}

static struct mark event_mark(const struct builder *builder, struct fy_event *event)
{
    return mark_between(builder, fy_event_start_mark(event), fy_event_end_mark(event));
}

static void mark_extend(struct mark *mark, size_t end)
{
    if (end > mark->offset + mark->length)
        mark->length = end - mark->offset;
}

/* The quotes belong to a quoted scalar; the parser's marks leave them out. */
static struct mark scalar_mark(const struct builder *builder, struct fy_event *event,
                               enum fy_scalar_style style)
{
    struct mark mark = event_mark(builder, event);
    bool is_quoted = style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
    if (is_quoted && mark.offset > 0) {
        mark.offset--;
        mark.length += 2;
    }
    return mark;
}

/* ---- building ---- */

static struct tree *innermost(const struct builder *builder)
{
    return builder->depth > 0 ? builder->open[builder->depth - 1] : NULL;
}

static bool wants_key(const struct builder *builder)
{
    const struct tree *parent = innermost(builder);
    return parent && parent->kind == TREE_MAP && !builder->key;
}

static int refuse(struct builder *builder, struct mark mark, const char *message)
{
    diagnostics_error(builder->diagnostics, mark, "%s", message);
    return FERRY_INVALID;
}

/* Most often it was to be a value that begins with such a sign: cron's "*", a template's "{{". */
static int refuse_sign(struct builder *builder, struct mark mark, const char *message,
                       const char *sign)
{
    refuse(builder, mark, message);
    diagnostics_hint(builder->diagnostics, "a value that begins with %s needs quotes", sign);
    return FERRY_INVALID;
}

static void check_duplicate(struct builder *builder, const struct tree *parent,
                            const struct tree *child)
{
    const struct tree *earlier = tree_find(parent, child->key);
    if (!earlier)
        return;
    diagnostics_error(builder->diagnostics, child->key_mark, "duplicate key \"%s\"", child->key);
    diagnostics_hint(builder->diagnostics, "it is on line %zu already",
                     mark_position(&earlier->key_mark).line);
}

static int build_node(struct builder *builder, enum tree_kind kind, const char *text, size_t length,
                      struct mark mark)
{
    struct tree *parent = innermost(builder);
    if (wants_key(builder))
        return refuse_sign(builder, mark, "a key must be a single word", "a bracket");
    if (++builder->node_count > YAML_NODES_MAX)
        return refuse(builder, mark, "too many values");
    struct tree *node = tree_new(kind, text, length, mark);
    if (!node) {
        builder->diagnostics->no_memory = true;
        return FERRY_INTERNAL;
    }
    if (parent && builder->key) {
        node->key = builder->key;
        node->key_mark = builder->key_mark;
        builder->key = NULL;
        check_duplicate(builder, parent, node);
    }
    if (parent)
        tree_add(parent, node);
    else
        builder->root = node;
    if (kind != TREE_MAP && kind != TREE_LIST)
        return 0;
    if (builder->depth == YAML_DEPTH_MAX)
        return refuse(builder, mark, "nested too deeply");
    builder->open[builder->depth++] = node;
    return 0;
}

static void close_node(struct builder *builder, struct fy_event *event)
{
    struct tree *node = innermost(builder);
    if (!node)
        return;
    builder->depth--;
    const struct fy_mark *end = fy_event_end_mark(event);
    bool is_flow = node->mark.length > 0; /* has a bracket at its beginning */
    if (is_flow && end)
        mark_extend(&node->mark, end->input_pos);
    else if (node->last)
        mark_extend(&node->mark, node->last->mark.offset + node->last->mark.length);
}

static bool is_null(const char *text, size_t length, enum fy_scalar_style style)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; style == FYSS_PLAIN && i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i]) == length && memcmp(words[i], text, length) == 0)
            return true;
    }
    return false;
}

static int build_key(struct builder *builder, const char *text, size_t length, struct mark mark)
{
    if (length == 0)
        return refuse(builder, mark, "a key is missing");
    builder->key = strndup(text, length);
    builder->key_mark = mark;
    if (builder->key)
        return 0;
    builder->diagnostics->no_memory = true;
    return FERRY_INTERNAL;
}

static int build_scalar(struct builder *builder, struct fy_event *event)
{
    struct fy_token *token = event->scalar.value;
    enum fy_scalar_style style = token ? fy_token_scalar_style(token) : FYSS_PLAIN;
    struct mark mark = scalar_mark(builder, event, style);
    size_t length = 0;
    const char *text = token ? fy_token_get_text(token, &length) : "";
    if (!text)
        return refuse(builder, mark, "not readable");
    if (memchr(text, '\0', length))
        return refuse(builder, mark, "a NUL byte is not allowed");
    if (wants_key(builder))
        return build_key(builder, text, length, mark);
    if (is_null(text, length, style))
        return build_node(builder, TREE_NULL, NULL, 0, mark);
    int rc = build_node(builder, TREE_SCALAR, text, length, mark);
    struct tree *parent = innermost(builder);
    if (rc == 0)
        (parent ? parent->last : builder->root)->is_plain = style == FYSS_PLAIN;
    return rc;
}

static int build_event(struct builder *builder, struct fy_event *event)
{
    struct mark mark = event_mark(builder, event);
    if (event->type == FYET_ALIAS || fy_event_get_anchor_token(event))
        return refuse_sign(builder, mark, "anchors and aliases are not taken", "\"*\" or \"&\"");
    if (fy_event_get_tag_token(event))
        return refuse_sign(builder, mark, "tags are not taken", "\"!\"");
    switch (event->type) {
    case FYET_DOCUMENT_START:
        return builder->document_count++ == 0 ? 0 : refuse(builder, mark, "a second document");
    case FYET_MAPPING_START:
        return build_node(builder, TREE_MAP, NULL, 0, mark);
    case FYET_SEQUENCE_START:
        return build_node(builder, TREE_LIST, NULL, 0, mark);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        close_node(builder, event);
        return 0;
    case FYET_SCALAR:
        return build_scalar(builder, event);
    default:
        return 0;
    }
}

/* ---- syntax errors ---- */

static struct mark syntax_mark(const struct builder *builder, const struct fy_diag_error *error)
{
    const struct source *source = builder->source;
    size_t offset = source_offset(source, (size_t)error->line, (size_t)error->column);
    const struct fy_mark *start = error->fyt ? fy_token_start_mark(error->fyt) : NULL;
    if (start)
        return mark_between(builder, start, fy_token_end_mark(error->fyt));
    return (struct mark){.source = source, .offset = offset};
}

/* Return the first line that is indented with a tab, 0 if none is: the parser never names it. */
static size_t find_tab(const char *text)
{
    size_t line = 1;
    for (; text; line++) {
        if (text[strspn(text, " ")] == '\t')
            return line;
        text = strchr(text, '\n');
        text = text ? text + 1 : NULL;
    }
    return 0;
}

/* A line that is no "KEY: VALUE" by itself, or goes wrong further on. */
static const char *hint_at_line(const struct source *source, size_t at)
{
    size_t start = at;
    while (start > 0 && source->text[start - 1] == ' ')
        start--;
    if (start > 0 && source->text[start - 1] != '\n')
        return "a value that begins with a bracket needs quotes";
    return source->text[at] == '-' ? "a blank follows the \"-\" of a list"
                                   : "KEY: VALUE, with a blank behind the colon";
}

/* What the parser's messages mean to someone who edits a config. */
static void hint_syntax(struct builder *builder, const char *message, size_t at)
{
    const struct {
        const char *begins;
        const char *hint;
    } hints[] = {
        {"invalid multiline plain key", "the next line is indented as if it belonged to this one"},
        {"invalid value after mapping", hint_at_line(builder->source, at)},
        {"could not find expected ':'", hint_at_line(builder->source, at)},
        {"invalid scalar at the end", hint_at_line(builder->source, at)},
        {"plain scalar cannot start with", "put the value in quotes"},
        {"invalid alias", "a value that begins with \"*\" needs quotes"},
        {"invalid nested block mapping", "a value with \": \" in it needs quotes"},
        {"invalid trailing content after single-quoted", "in single quotes, '' stands for one"},
        {"invalid escape", "in single quotes a backslash stands for itself"},
    };
    size_t tab = find_tab(builder->source->text);
    if (tab > 0) {
        diagnostics_hint(builder->diagnostics, "line %zu is indented with a tab; use spaces", tab);
        return;
    }
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        if (strncmp(message, hints[i].begins, strlen(hints[i].begins)) == 0)
            diagnostics_hint(builder->diagnostics, "%s", hints[i].hint);
    }
}

/* An error at the end of the text, with a bracket open, is about the bracket. */
static void report_error(struct builder *builder, const struct fy_diag_error *error)
{
    struct mark mark = syntax_mark(builder, error);
    const struct tree *node = innermost(builder);
    if (node && node->mark.length > 0 && mark.offset >= builder->source->length) {
        refuse(builder, node->mark, "a bracket that is not closed");
        return;
    }
    diagnostics_error(builder->diagnostics, mark, "%s", error->msg);
    hint_syntax(builder, error->msg, mark.offset);
}

static int report_syntax(struct builder *builder, struct fy_diag *diag)
{
    void *walk = NULL;
    const struct fy_diag_error *error;
    bool reported = false;
    while ((error = fy_diag_errors_iterate(diag, &walk))) {
        if (error->type != FYET_ERROR)
            continue;
        report_error(builder, error);
        reported = true;
    }
    if (!reported)
        refuse(builder, mark_whole(builder->source), "not readable as YAML");
    return FERRY_INVALID;
}

/* The parser takes bytes that are not UTF-8 for the end of the text, so they are found here. */
static int check_text(struct builder *builder)
{
    const struct source *source = builder->source;
    size_t n;
    for (size_t i = 0; i < source->length; i += n) {
        unsigned char c = (unsigned char)source->text[i];
        struct mark mark = {.source = source, .offset = i, .length = 1};
        n = utf8_length(source->text + i, source->length - i);
        if (n == 0)
            return refuse(builder, mark, "not UTF-8");
        if ((c < 0x20 && !strchr("\t\r\n", c)) || c == 0 || c == 0x7F)
            return refuse(builder, mark, "a control byte is not allowed");
    }
    return 0;
}

/* ---- the parser ---- */

static void drop_output(struct fy_diag *diag, void *user, const char *text, size_t length)
{
    (void)diag, (void)user, (void)text, (void)length; /* errors are collected, not printed */
}

static struct fy_diag *diag_new(void)
{
    struct fy_diag_cfg options;
    fy_diag_cfg_default(&options);
    options.fp = NULL;
    options.output_fn = drop_output;
    options.colorize = false;
    struct fy_diag *diag = fy_diag_create(&options);
    if (diag)
        fy_diag_set_collect_errors(diag, true);
    return diag;
}

static struct fy_parser *parser_new(struct fy_diag *diag, const struct source *source)
{
    struct fy_parse_cfg options = {
        .flags = FYPCF_COLLECT_DIAG | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE |
                 FYPCF_SLOPPY_FLOW_INDENTATION,
        .diag = diag,
    };
    struct fy_parser *parser = fy_parser_create(&options);
    if (parser && fy_parser_set_string(parser, source->text, source->length) < 0) {
        fy_parser_destroy(parser);
        parser = NULL;
    }
    return parser;
}

static int build_all(struct builder *builder, struct fy_parser *parser, struct fy_diag *diag)
{
    struct fy_event *event;
    int rc = 0;
    while (rc == 0 && (event = fy_parser_parse(parser))) {
        rc = build_event(builder, event);
        fy_parser_event_free(parser, event);
    }
    if (rc == 0 && fy_parser_get_stream_error(parser))
        rc = report_syntax(builder, diag);
    return rc;
}

int yaml_parse(const struct source *source, struct diagnostics *diagnostics, struct tree **tree)
{
    struct builder builder = {.source = source, .diagnostics = diagnostics};
    *tree = NULL;
    if (source->length == 0)
        return 0;
    int rc = check_text(&builder);
    if (rc < 0)
        return rc;
    struct fy_diag *diag = diag_new();
    struct fy_parser *parser = diag ? parser_new(diag, source) : NULL;
    if (parser) {
        rc = build_all(&builder, parser, diag);
    } else {
        diagnostics->no_memory = true;
        rc = FERRY_INTERNAL;
    }
    fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    free(builder.key);
    if (rc < 0)
        tree_free(builder.root);
    else
        *tree = builder.root;
    return rc;
}
