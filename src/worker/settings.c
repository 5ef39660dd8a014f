/*
 * A worker's settings: a small table of text, what was asked of it, and what was wrong.
 * One thread at a time: the main thread, while the config is read.
 *
 * A map's entries stand in the same table, behind the map itself, under their whole key
 * ("success.pointer"). Since a name may have a dot of its own, an entry knows where its name
 * begins.
 */
#include "settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "clock.h"

struct setting {
    char *key;
    const char *name; /* its last part, within `key` */
    char **values;    /* NULL-terminated */
    size_t count;
    ferry_setting_kind kind;
};

struct problem {
    char *key;
    char *message;
};

struct ferry_settings {
    char *worker;
    char *state_dir;
    struct setting *entries;
    size_t entry_count;
    char **asked; /* every key that a getter was called with */
    size_t asked_count;
    struct problem *problems;
    size_t problem_count;
    bool lacks_memory; /* of what was asked, or of a problem */
};

ferry_settings *settings_new(const char *worker, const char *state_dir)
{
    ferry_settings *settings = calloc(1, sizeof *settings);
    if (!settings)
        return NULL;
    settings->worker = strdup(worker);
    settings->state_dir = strdup(state_dir);
    if (!settings->worker || !settings->state_dir) {
        settings_free(settings);
        return NULL;
    }
    return settings;
}

static bool setting_equal(const struct setting *a, const struct setting *b)
{
    bool is_equal = a->kind == b->kind && a->count == b->count && strcmp(a->key, b->key) == 0;
    for (size_t i = 0; is_equal && i < a->count; i++)
        is_equal = strcmp(a->values[i], b->values[i]) == 0;
    return is_equal;
}

bool settings_equal(const ferry_settings *a, const ferry_settings *b)
{
    bool is_equal = a->entry_count == b->entry_count && strcmp(a->worker, b->worker) == 0 &&
                    strcmp(a->state_dir, b->state_dir) == 0;
    for (size_t i = 0; is_equal && i < a->entry_count; i++)
        is_equal = setting_equal(&a->entries[i], &b->entries[i]);
    return is_equal;
}

static void setting_fini(struct setting *setting)
{
    for (size_t i = 0; setting->values && i < setting->count; i++)
        free(setting->values[i]);
    free(setting->values);
    free(setting->key);
}

void settings_free(ferry_settings *settings)
{
    if (!settings)
        return;
    for (size_t i = 0; i < settings->entry_count; i++)
        setting_fini(&settings->entries[i]);
    for (size_t i = 0; i < settings->asked_count; i++)
        free(settings->asked[i]);
    for (size_t i = 0; i < settings->problem_count; i++) {
        free(settings->problems[i].key);
        free(settings->problems[i].message);
    }
    free(settings->entries);
    free(settings->asked);
    free(settings->problems);
    free(settings->worker);
    free(settings->state_dir);
    free(settings);
}

/* Fill an entry; false without memory, what there is of it then is setting_fini's. */
static bool setting_init(struct setting *entry, const char *map, const char *name,
                         const char *const *values)
{
    entry->key = map ? text_printf("%s.%s", map, name) : strdup(name);
    entry->values = calloc(entry->count + 1, sizeof *entry->values);
    bool complete = entry->key && entry->values;
    if (complete)
        entry->name = entry->key + (map ? strlen(map) + 1 : 0);
    for (size_t i = 0; complete && i < entry->count; i++)
        complete = (entry->values[i] = strdup(values[i])) != NULL;
    return complete;
}

static int add_entry(ferry_settings *settings, const char *map, const char *name,
                     const char *const *values, size_t count, ferry_setting_kind kind)
{
    size_t size = (settings->entry_count + 1) * sizeof *settings->entries;
    struct setting *entries = realloc(settings->entries, size);
    if (!entries)
        return FERRY_INTERNAL;
    settings->entries = entries;
    struct setting entry = {.count = count, .kind = kind};
    if (!setting_init(&entry, map, name, values)) {
        setting_fini(&entry);
        return FERRY_INTERNAL;
    }
    entries[settings->entry_count++] = entry;
    return 0;
}

int settings_add(ferry_settings *settings, const char *key, const char *const *values, size_t count,
                 bool is_list)
{
    return settings_add_below(settings, NULL, key, values, count, is_list);
}

int settings_add_below(ferry_settings *settings, const char *map, const char *name,
                       const char *const *values, size_t count, bool is_list)
{
    return add_entry(settings, map, name, values, count,
                     is_list ? FERRY_SETTING_LIST : FERRY_SETTING_VALUE);
}

int settings_add_map(ferry_settings *settings, const char *map, const char *name)
{
    return add_entry(settings, map, name, NULL, 0, FERRY_SETTING_MAP);
}

static void setting_show(const struct setting *entry, ferry_settings_visitor *visit, void *arg)
{
    visit(arg, &(ferry_setting){.key = entry->key,
                                .name = entry->name,
                                .kind = entry->kind,
                                .values = (const char *const *)entry->values});
}

void settings_each(const ferry_settings *settings, ferry_settings_visitor *visit, void *arg)
{
    for (size_t i = 0; i < settings->entry_count; i++)
        setting_show(&settings->entries[i], visit, arg);
}

static bool is_asked(const ferry_settings *settings, const char *key)
{
    for (size_t i = 0; i < settings->asked_count; i++) {
        if (strcmp(settings->asked[i], key) == 0)
            return true;
    }
    return false;
}

static void remember_asked(ferry_settings *settings, const char *key)
{
    if (is_asked(settings, key))
        return;
    size_t size = (settings->asked_count + 1) * sizeof *settings->asked;
    char **asked = realloc(settings->asked, size);
    char *copy = strdup(key);
    if (asked)
        settings->asked = asked;
    if (asked && copy) {
        asked[settings->asked_count++] = copy;
    } else {
        free(copy);
        settings->lacks_memory = true;
    }
}

static const struct setting *settings_find(const ferry_settings *settings, const char *key)
{
    for (size_t i = 0; i < settings->entry_count; i++) {
        if (strcmp(settings->entries[i].key, key) == 0)
            return &settings->entries[i];
    }
    return NULL;
}

static const struct setting *settings_ask(ferry_settings *settings, const char *key)
{
    remember_asked(settings, key);
    return settings_find(settings, key);
}

/* Return the one value of a key, NULL if it is absent or something else (which is reported). */
static const char *settings_scalar(ferry_settings *settings, const char *key)
{
    const struct setting *entry = settings_ask(settings, key);
    if (!entry)
        return NULL;
    if (entry->kind != FERRY_SETTING_VALUE) {
        ferry_settings_fail(settings, key, "%s takes one value, not a %s", key,
                            entry->kind == FERRY_SETTING_LIST ? "list" : "map");
        return NULL;
    }
    return entry->values[0];
}

/* Tell whether an entry is directly in a map. */
static bool is_in_map(const struct setting *entry, const char *map)
{
    size_t length = strlen(map);
    return entry->name == entry->key + length + 1 && strncmp(entry->key, map, length) == 0;
}

/* ---- what was wrong ---- */

int ferry_settings_fail(ferry_settings *settings, const char *key, const char *format, ...)
{
    struct bytes message = {0};
    va_list args;
    va_start(args, format);
    bytes_vprintf(&message, format, args);
    va_end(args);
    size_t size = (settings->problem_count + 1) * sizeof *settings->problems;
    struct problem *problems = realloc(settings->problems, size);
    struct problem problem = {.key = strdup(key), .message = bytes_take(&message)};
    if (problems)
        settings->problems = problems;
    if (problems && problem.key && problem.message) {
        problems[settings->problem_count++] = problem;
    } else {
        free(problem.key);
        free(problem.message);
        settings->lacks_memory = true;
    }
    return FERRY_INVALID;
}

/* Tell whether `key` names something inside of the map. */
static bool is_below(const char *key, const char *map, size_t map_length)
{
    return strncmp(key, map, map_length) == 0 && key[map_length] == '.';
}

/* Tell whether somebody asked for an entry, or for something inside of it. */
static bool is_known(const ferry_settings *settings, const struct setting *entry)
{
    bool known = is_asked(settings, entry->key);
    for (size_t i = 0; !known && i < settings->asked_count; i++)
        known = is_below(settings->asked[i], entry->key, strlen(entry->key));
    return known;
}

/* Tell whether an entry goes with a map around it, for which somebody asked as a whole (and saw
 * what is in it, or had it reported), or for which nobody asked (and which is reported). */
static bool is_covered(const ferry_settings *settings, const struct setting *entry)
{
    for (size_t i = 0; i < settings->entry_count; i++) {
        const struct setting *map = &settings->entries[i];
        if (map->kind == FERRY_SETTING_MAP && is_below(entry->key, map->key, strlen(map->key)) &&
            (is_asked(settings, map->key) || !is_known(settings, map)))
            return true;
    }
    return false;
}

/* Tell whether an earlier key that was asked for begins with the same `length` bytes, as a name. */
static bool is_listed(const ferry_settings *settings, size_t index, size_t length)
{
    const char *name = settings->asked[index];
    for (size_t i = 0; i < index; i++) {
        const char *earlier = settings->asked[i];
        if (strncmp(earlier, name, length) == 0 && (!earlier[length] || earlier[length] == '.'))
            return true;
    }
    return false;
}

/* Write the names that were asked for in the map that an entry is in. */
static void list_known(const ferry_settings *settings, const struct setting *entry,
                       struct bytes *known)
{
    size_t skipped = (size_t)(entry->name - entry->key);
    for (size_t i = 0; i < settings->asked_count; i++) {
        const char *asked = settings->asked[i];
        if (strncmp(asked, entry->key, skipped) != 0)
            continue;
        size_t length = strcspn(asked + skipped, ".");
        if (!is_listed(settings, i, skipped + length))
            bytes_printf(known, "%s%.*s", known->length ? ", " : "", (int)length, asked + skipped);
    }
}

static void report_unknown(ferry_settings *settings, const struct setting *entry)
{
    struct bytes known = {0}, where = {0};
    if (entry->name > entry->key)
        bytes_printf(&where, " in %.*s", (int)(entry->name - entry->key - 1), entry->key);
    list_known(settings, entry, &known);
    if (known.length)
        ferry_settings_fail(settings, entry->key, "unknown key \"%s\"%s; this worker knows %s",
                            entry->name, bytes_text(&where), bytes_text(&known));
    else
        ferry_settings_fail(settings, entry->key,
                            "unknown key \"%s\"%s; this worker has no settings", entry->name,
                            bytes_text(&where));
    bytes_fini(&known);
    bytes_fini(&where);
}

void settings_report_unknown(ferry_settings *settings)
{
    for (size_t i = 0; i < settings->entry_count; i++) {
        const struct setting *entry = &settings->entries[i];
        if (is_asked(settings, entry->key) || is_covered(settings, entry))
            continue;
        if (!is_known(settings, entry))
            report_unknown(settings, entry);
        else if (entry->kind != FERRY_SETTING_MAP)
            ferry_settings_fail(settings, entry->key, "%s takes a map", entry->key);
    }
}

size_t settings_problem_count(const ferry_settings *settings)
{
    return settings->problem_count;
}

bool settings_lacks_memory(const ferry_settings *settings)
{
    return settings->lacks_memory;
}

void settings_each_problem(const ferry_settings *settings, settings_visitor *visit, void *arg)
{
    for (size_t i = 0; i < settings->problem_count; i++)
        visit(arg, settings->problems[i].key, settings->problems[i].message);
}

/* ---- getters ---- */

const char *ferry_settings_string(ferry_settings *settings, const char *key, const char *fallback)
{
    const char *value = settings_scalar(settings, key);
    return value ? value : fallback;
}

int64_t ferry_settings_int(ferry_settings *settings, const char *key, int64_t fallback, int64_t min,
                           int64_t max)
{
    const char *value = settings_scalar(settings, key);
    if (!value)
        return fallback;
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (end == value || *end || errno || number < min || number > max) {
        ferry_settings_fail(settings, key, "%s: a whole number from %lld to %lld", key,
                            (long long)min, (long long)max);
        return fallback;
    }
    return number;
}

bool ferry_settings_bool(ferry_settings *settings, const char *key, bool fallback)
{
    const char *value = settings_scalar(settings, key);
    if (!value)
        return fallback;
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
        ferry_settings_fail(settings, key, "%s: true or false", key);
        return fallback;
    }
    return value[0] == 't';
}

int64_t ferry_settings_duration_ms(ferry_settings *settings, const char *key, int64_t fallback_ms)
{
    const char *value = settings_scalar(settings, key);
    ferry_error error;
    int64_t ms = fallback_ms;
    if (value && duration_parse_ms(value, &ms, &error) < 0)
        ferry_settings_fail(settings, key, "%s", error.message);
    return ms;
}

size_t ferry_settings_bytes(ferry_settings *settings, const char *key, size_t fallback)
{
    const char *value = settings_scalar(settings, key);
    ferry_error error;
    int64_t bytes = (int64_t)fallback;
    if (value && size_parse_bytes(value, &bytes, &error) < 0)
        ferry_settings_fail(settings, key, "%s", error.message);
    return (size_t)bytes;
}

const char *const *ferry_settings_list(ferry_settings *settings, const char *key)
{
    const struct setting *entry = settings_ask(settings, key);
    if (entry && entry->kind == FERRY_SETTING_MAP) {
        ferry_settings_fail(settings, key, "%s takes a list or one value, not a map", key);
        return NULL;
    }
    return entry ? (const char *const *)entry->values : NULL;
}

bool ferry_settings_each(ferry_settings *settings, const char *key, ferry_settings_visitor *visit,
                         void *arg)
{
    const struct setting *map = settings_ask(settings, key);
    if (map && map->kind != FERRY_SETTING_MAP)
        ferry_settings_fail(settings, key, "%s takes a map of names and values", key);
    if (!map || map->kind != FERRY_SETTING_MAP)
        return false;
    for (size_t i = 0; i < settings->entry_count; i++) {
        if (is_in_map(&settings->entries[i], key))
            setting_show(&settings->entries[i], visit, arg);
    }
    return true;
}

const char *ferry_settings_state_dir(const ferry_settings *settings)
{
    return settings->state_dir;
}
