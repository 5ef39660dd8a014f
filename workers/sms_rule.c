/* Rules. Read by open, only looked at afterwards: any thread. */
#include "sms_rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_pointer.h"

/* ---- statuses ---- */

/* Read "200" or "200-299". */
static bool range_parse(const char *text, long *first, long *last)
{
    char *end;
    *first = *last = strtol(text, &end, 10);
    if (*end == '-')
        *last = strtol(end + 1, &end, 10);
    return *text >= '1' && *text <= '9' && !*end && *first >= 100 && *last <= 599 &&
           *first <= *last;
}

static bool status_matches(const char *const *ranges, long status)
{
    for (; ranges && *ranges; ranges++) {
        long first, last;
        if (range_parse(*ranges, &first, &last) && status >= first && status <= last)
            return true;
    }
    return false;
}

/* ---- reading ---- */

/* Return a key's list; `key` becomes its whole name, for reports. */
static const char *const *read_list(ferry_settings *settings, const char *map, const char *name,
                                    char key[64])
{
    snprintf(key, 64, "%s.%s", map, name);
    return ferry_settings_list(settings, key);
}

static void read_status(struct sms_rule *rule, ferry_settings *settings, const char *map,
                        const char *const *fallback)
{
    char key[64];
    rule->status = read_list(settings, map, "status", key);
    for (const char *const *range = rule->status; range && *range; range++) {
        long first, last;
        if (!range_parse(*range, &first, &last)) {
            ferry_settings_fail(settings, key, "%s: a status, or a range of them: 200-299", key);
            return;
        }
    }
    if (!rule->status)
        rule->status = fallback;
}

void sms_rule_read(struct sms_rule *rule, ferry_settings *settings, const char *map,
                   const char *const *status)
{
    char key[64];
    read_status(rule, settings, map, status);
    rule->values = read_list(settings, map, "in", key);
    const char *const *equals = read_list(settings, map, "equals", key);
    if (equals && (rule->values || equals[0] == NULL || equals[1]))
        ferry_settings_fail(settings, key, "%s takes one value; for several there is \"in\"", key);
    if (equals)
        rule->values = equals;
    snprintf(key, sizeof key, "%s.pointer", map);
    rule->pointer = ferry_settings_string(settings, key, NULL);
    if (rule->pointer && !json_pointer_is_valid(rule->pointer))
        ferry_settings_fail(settings, key, "%s: a JSON pointer: /code, /data/0/id", key);
    if (rule->values && !rule->pointer)
        ferry_settings_fail(settings, key, "%s is missing: where in the answer?", key);
}

/* ---- matching ---- */

static bool value_matches(const struct sms_rule *rule, json_t *body)
{
    json_t *value = json_pointer_get(body, rule->pointer);
    if (!value || !rule->values)
        return value && !json_is_null(value);
    struct bytes text = {0};
    bool found = false;
    bytes_append_json_value(&text, value);
    for (size_t i = 0; rule->values[i] && !found; i++)
        found = strcmp(rule->values[i], bytes_text(&text)) == 0;
    bytes_fini(&text);
    return found;
}

bool sms_rule_matches_all(const struct sms_rule *rule, long status, json_t *body)
{
    return (!rule->status || status_matches(rule->status, status)) &&
           (!rule->pointer || value_matches(rule, body));
}

bool sms_rule_matches_any(const struct sms_rule *rule, long status, json_t *body)
{
    return (rule->status && status_matches(rule->status, status)) ||
           (rule->pointer && value_matches(rule, body));
}
