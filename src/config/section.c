/*
 * Values out of the tree: kinds, ranges, unknown keys. Main thread.
 */
#include "section.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "suggest.h"

enum { NAME_MAX_LENGTH = 64 };

/* ---- kinds ---- */

static void report_kind(const struct tree *node, const char *where, const char *wanted,
                        struct diagnostics *diagnostics)
{
    diagnostics_error(diagnostics, node->mark, "%s must be %s, not %s", where, wanted,
                      tree_kind_name(node->kind));
}

bool expect_map(const struct tree *node, const char *where, struct diagnostics *diagnostics)
{
    if (!node || node->kind == TREE_NULL)
        return false;
    if (node->kind != TREE_MAP)
        report_kind(node, where, "a map", diagnostics);
    return node->kind == TREE_MAP;
}

bool expect_entries(const struct tree *node, const char *where, const char *form,
                    struct diagnostics *diagnostics)
{
    if (expect_map(node, where, diagnostics))
        return true;
    if (node && node->kind != TREE_NULL)
        diagnostics_hint(diagnostics, "%s", form);
    return false;
}

bool expect_list(const struct tree *node, const char *where, struct diagnostics *diagnostics)
{
    if (!node || node->kind == TREE_NULL)
        return false;
    if (node->kind != TREE_LIST)
        report_kind(node, where, "a list", diagnostics);
    if (node->kind == TREE_SCALAR)
        diagnostics_hint(diagnostics, "in brackets: [%s]", node->text);
    return node->kind == TREE_LIST;
}

const char *expect_text(const struct tree *node, const char *what, struct diagnostics *diagnostics)
{
    if (node->kind != TREE_SCALAR) {
        report_kind(node, what, "a single value", diagnostics);
        return NULL;
    }
    if (node->text[0] == '\0') {
        diagnostics_error(diagnostics, node->mark, "%s is empty", what);
        return NULL;
    }
    return node->text;
}

void expect_value(const struct tree *node, const char *nothing, struct diagnostics *diagnostics)
{
    if (!node || node->kind != TREE_NULL)
        return;
    diagnostics_error(diagnostics, node->key_mark, "%s is empty", node->key);
    diagnostics_hint(diagnostics, "%s", nothing);
}

static bool is_name(const char *name, struct mark mark, const char *what,
                    struct diagnostics *diagnostics)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_-";
    size_t length = strlen(name);
    if (length <= NAME_MAX_LENGTH && strspn(name, allowed) == length)
        return true;
    diagnostics_error(diagnostics, mark,
                      "the name of %s is of letters, digits, \"_\" and \"-\", %d at most", what,
                      NAME_MAX_LENGTH);
    return false;
}

bool expect_name(const struct tree *node, const char *what, struct diagnostics *diagnostics)
{
    return is_name(node->key, node->key_mark, what, diagnostics);
}

bool expect_name_text(const struct tree *node, const char *what, struct diagnostics *diagnostics)
{
    return expect_text(node, "name", diagnostics) &&
           is_name(node->text, node->mark, what, diagnostics);
}

/* ---- values ---- */

static int number_parse(const char *text, int64_t *number, ferry_error *error)
{
    char *end;
    size_t sign = text[0] == '-';
    errno = 0;
    *number = strtoll(text, &end, 10);
    size_t digits = strspn(text + sign, "0123456789");
    if (digits == 0 || text[sign + digits] != '\0')
        return ferry_error_set(error, FERRY_INVALID, "\"%s\" is not a whole number", text);
    return 0; /* one that does not fit is the largest: out of any range */
}

static int quantity_parse(enum field_kind kind, const char *text, int64_t *value,
                          ferry_error *error)
{
    switch (kind) {
    case FIELD_SIZE:
        return size_parse_bytes(text, value, error);
    case FIELD_DURATION:
        return duration_parse_ms(text, value, error);
    default:
        return number_parse(text, value, error);
    }
}

/* Write a quantity as a person would, in its largest whole unit. */
static void quantity_append(struct bytes *out, enum field_kind kind, int64_t value)
{
    static const struct {
        const char *name;
        int64_t factor;
    } sizes[] = {{"TiB", 1LL << 40},
                 {"GiB", 1 << 30},
                 {"MiB", 1 << 20},
                 {"KiB", 1 << 10},
                 {"B", 1}},
      durations[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    if (kind == FIELD_NUMBER || value == 0) {
        bytes_printf(out, "%lld", (long long)value);
        return;
    }
    size_t unit = 0;
    bool is_size = kind == FIELD_SIZE;
    while (value % (is_size ? sizes[unit].factor : durations[unit].factor) != 0)
        unit++;
    if (is_size)
        bytes_printf(out, "%lld%s", (long long)(value / sizes[unit].factor), sizes[unit].name);
    else
        bytes_printf(out, "%lld%s", (long long)(value / durations[unit].factor),
                     durations[unit].name);
}

static void report_range(const struct tree *node, const struct field *field,
                         struct diagnostics *diagnostics)
{
    struct bytes range = {0};
    quantity_append(&range, field->kind, field->min);
    bytes_append_text(&range, " to ");
    quantity_append(&range, field->kind, field->max);
    diagnostics_error(diagnostics, node->mark, "%s is out of range: %s is %s", node->text,
                      field->key, bytes_text(&range));
    bytes_fini(&range);
}

static void store_integer(const struct field *field, void *into, int64_t value)
{
    char *place = (char *)into + field->offset;
    if (field->size == sizeof(int64_t))
        *(int64_t *)(void *)place = value;
    else
        *(int *)(void *)place = (int)value;
}

static void read_quantity(const struct tree *node, const struct field *field, void *into,
                          struct diagnostics *diagnostics)
{
    ferry_error error;
    int64_t value;
    if (quantity_parse(field->kind, node->text, &value, &error) < 0)
        diagnostics_error(diagnostics, node->mark, "%s: %s", field->key, error.message);
    else if (value < field->min || value > field->max)
        report_range(node, field, diagnostics);
    else
        store_integer(field, into, value);
}

static void read_text(const struct tree *node, const struct field *field, void *into,
                      struct diagnostics *diagnostics)
{
    char **place = (char **)(void *)((char *)into + field->offset);
    char *copy = diagnostics_strdup(diagnostics, node->text);
    free(*place);
    *place = copy;
}

static void read_word(const struct tree *node, const struct field *field, void *into,
                      struct diagnostics *diagnostics)
{
    struct suggestion suggestion = {.given = node->text};
    for (int i = 0; field->words[i]; i++) {
        if (strcmp(field->words[i], node->text) == 0) {
            store_integer(field, into, i);
            suggestion_fini(&suggestion);
            return;
        }
        suggestion_add(&suggestion, field->words[i]);
    }
    if (strcmp(field->words[0], "false") == 0) {
        diagnostics_error(diagnostics, node->mark, "%s: \"%s\" is neither true nor false",
                          field->key, node->text);
        suggestion_fini(&suggestion);
        return;
    }
    diagnostics_error(diagnostics, node->mark, "unknown %s \"%s\"", field->key, node->text);
    suggestion_hint(&suggestion, diagnostics);
}

void field_read(const struct tree *node, const struct field *field, void *into,
                struct diagnostics *diagnostics)
{
    if (!node || node->kind == TREE_NULL)
        return;
    if (field->kind == FIELD_NODE) {
        *(const struct tree **)(void *)((char *)into + field->offset) = node;
        return;
    }
    if (!expect_text(node, field->key, diagnostics))
        return;
    if (field->kind == FIELD_TEXT)
        read_text(node, field, into, diagnostics);
    else if (field->kind == FIELD_WORD)
        read_word(node, field, into, diagnostics);
    else
        read_quantity(node, field, into, diagnostics);
}

/* ---- sections ---- */

static void report_unknown(const struct tree *node, const char *where, const struct field *fields,
                           struct diagnostics *diagnostics)
{
    struct suggestion suggestion = {.given = node->key};
    for (; fields->key; fields++)
        suggestion_add(&suggestion, fields->key);
    diagnostics_error(diagnostics, node->key_mark, "unknown key \"%s\"%s%s", node->key,
                      *where ? " in " : "", where);
    suggestion_hint(&suggestion, diagnostics);
}

/* Say what the map would hold that something else stands in place of. */
static void hint_at_keys(const struct field *fields, struct diagnostics *diagnostics)
{
    struct bytes keys = {0};
    for (; fields->key; fields++)
        bytes_printf(&keys, "%s%s", keys.length > 0 ? ", " : "", fields->key);
    diagnostics_hint(diagnostics, "{KEY: VALUE, ...}, with the keys %s", bytes_text(&keys));
    bytes_fini(&keys);
}

void section_read(const struct tree *section, const char *where, const struct field *fields,
                  void *into, struct diagnostics *diagnostics)
{
    if (!expect_map(section, *where ? where : "the config", diagnostics)) {
        if (section && section->kind != TREE_NULL && *where)
            hint_at_keys(fields, diagnostics);
        return;
    }
    for (const struct tree *node = section->first; node; node = node->next) {
        const struct field *field = fields;
        while (field->key && strcmp(field->key, node->key) != 0)
            field++;
        if (field->key)
            field_read(node, field, into, diagnostics);
        else
            report_unknown(node, where, fields, diagnostics);
    }
}
