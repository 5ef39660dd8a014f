/*
 * A worker's settings: a small table of text, what was asked of it, and what was wrong.
 * One thread at a time: the main thread, while the config is read.
 */
#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "clock.h"

struct setting {
    char *key;
    char **values; /* NULL-terminated */
    size_t count;
    bool is_list;
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

int settings_add(ferry_settings *settings, const char *key, const char *const *values, size_t count,
                 bool is_list)
{
    size_t size = (settings->entry_count + 1) * sizeof *settings->entries;
    struct setting *entries = realloc(settings->entries, size);
    if (!entries)
        return FERRY_INTERNAL;
    settings->entries = entries;
    struct setting entry = {
        .key = strdup(key),
        .values = calloc(count + 1, sizeof *entry.values),
        .count = count,
        .is_list = is_list,
    };
    bool complete = entry.key && entry.values;
    for (size_t i = 0; complete && i < count; i++)
        complete = (entry.values[i] = strdup(values[i])) != NULL;
    if (!complete) {
        setting_fini(&entry);
        return FERRY_INTERNAL;
    }
    entries[settings->entry_count++] = entry;
    return 0;
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
    if (!asked)
        return;
    settings->asked = asked;
    char *copy = strdup(key);
    if (copy)
        asked[settings->asked_count++] = copy;
}

static const struct setting *settings_ask(ferry_settings *settings, const char *key)
{
    remember_asked(settings, key);
    for (size_t i = 0; i < settings->entry_count; i++) {
        if (strcmp(settings->entries[i].key, key) == 0)
            return &settings->entries[i];
    }
    return NULL;
}

/* Return the one value of a key, NULL if it is absent or a list (which is reported). */
static const char *settings_scalar(ferry_settings *settings, const char *key)
{
    const struct setting *entry = settings_ask(settings, key);
    if (!entry)
        return NULL;
    if (entry->is_list) {
        ferry_settings_fail(settings, key, "%s takes one value, not a list", key);
        return NULL;
    }
    return entry->values[0];
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
    }
    return FERRY_INVALID;
}

void settings_report_unknown(ferry_settings *settings)
{
    struct bytes known = {0};
    for (size_t i = 0; i < settings->asked_count; i++)
        bytes_printf(&known, "%s%s", i ? ", " : "", settings->asked[i]);
    for (size_t i = 0; i < settings->entry_count; i++) {
        const char *key = settings->entries[i].key;
        if (is_asked(settings, key))
            continue;
        if (known.length)
            ferry_settings_fail(settings, key, "unknown key \"%s\"; this worker knows %s", key,
                                bytes_text(&known));
        else
            ferry_settings_fail(settings, key, "unknown key \"%s\"; this worker has no settings",
                                key);
    }
    bytes_fini(&known);
}

size_t settings_problem_count(const ferry_settings *settings)
{
    return settings->problem_count;
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
    return entry ? (const char *const *)entry->values : NULL;
}

const char *ferry_settings_state_dir(const ferry_settings *settings)
{
    return settings->state_dir;
}
