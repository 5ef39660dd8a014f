/* Options of the command line. Main thread; no state. */
#include "options.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "suggest.h"

/* Where the reading is. */
struct reading {
    const struct option_def *defs;
    char **argv;
    int argc;
    int next;       /* of argv */
    uint64_t given; /* a bit for each of defs */
    ferry_error *error;
};

static int put_number(const struct option_def *def, const char *text, ferry_error *error)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (strspn(text, "0123456789") != strlen(text) || end == text || errno || number < 1 ||
        number > UINT_MAX)
        return ferry_error_set(error, FERRY_INVALID, "--%s: \"%s\" is not a whole number above 0",
                               def->name, text);
    *(unsigned *)def->into = (unsigned)number;
    return 0;
}

static int put_item(const struct option_def *def, const char *text, ferry_error *error)
{
    struct option_list *list = def->into;
    if (list->count == OPTION_LIST_MAX)
        return ferry_error_set(error, FERRY_INVALID, "more than %d --%s options", OPTION_LIST_MAX,
                               def->name);
    list->items[list->count++] = text;
    list->items[list->count] = NULL;
    return 0;
}

static int put_value(struct reading *reading, const struct option_def *def, const char *text)
{
    uint64_t bit = UINT64_C(1) << (def - reading->defs);
    if (def->kind == OPTION_LIST)
        return put_item(def, text, reading->error);
    if (reading->given & bit)
        return ferry_error_set(reading->error, FERRY_INVALID, "--%s is given twice", def->name);
    reading->given |= bit;
    if (def->kind == OPTION_NUMBER)
        return put_number(def, text, reading->error);
    *(const char **)def->into = text;
    return 0;
}

/* The value of an option that takes one: what is attached to it, or else the next word. */
static int read_value(struct reading *reading, const struct option_def *def, const char *attached)
{
    const char letter[] = {'-', def->letter, ',', ' ', '\0'};
    if (!attached && reading->next == reading->argc)
        return ferry_error_set(reading->error, FERRY_INVALID, "%s--%s needs a value",
                               def->letter ? letter : "", def->name);
    return put_value(reading, def, attached ? attached : reading->argv[reading->next++]);
}

static int unknown_option(const struct reading *reading, const char *name)
{
    struct suggestion suggestion = {.given = name};
    for (const struct option_def *def = reading->defs; def->name; def++)
        suggestion_add(&suggestion, def->name);
    const char *closest = suggestion_closest(&suggestion);
    if (closest)
        ferry_error_set(reading->error, FERRY_INVALID,
                        "there is no option \"--%s\"; did you mean --%s?", name, closest);
    else
        ferry_error_set(reading->error, FERRY_INVALID, "there is no option \"--%s\"", name);
    suggestion_fini(&suggestion);
    return FERRY_INVALID;
}

static int read_long(struct reading *reading, char *word)
{
    char *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    const struct option_def *def = reading->defs;
    while (def->name && (strncmp(def->name, word, length) != 0 || def->name[length]))
        def++;
    if (!def->name) {
        word[length] = '\0';
        return unknown_option(reading, word);
    }
    if (def->kind != OPTION_FLAG)
        return read_value(reading, def, equals ? equals + 1 : NULL);
    if (equals)
        return ferry_error_set(reading->error, FERRY_INVALID, "--%s takes no value", def->name);
    *(bool *)def->into = true;
    return 0;
}

/* Several flags may share a dash; what follows the letter of one that takes a value is that. */
static int read_letters(struct reading *reading, const char *letters)
{
    for (; *letters; letters++) {
        const struct option_def *def = reading->defs;
        while (def->name && def->letter != *letters)
            def++;
        if (!def->name)
            return ferry_error_set(reading->error, FERRY_INVALID, "there is no option \"-%c\"",
                                   *letters);
        if (def->kind != OPTION_FLAG)
            return read_value(reading, def, letters[1] ? letters + 1 : NULL);
        *(bool *)def->into = true;
    }
    return 0;
}

int options_read(const struct option_def *defs, int *argc, char **argv, ferry_error *error)
{
    struct reading reading = {.defs = defs, .argv = argv, .argc = *argc, .next = 1, .error = error};
    int kept = 1, rc = 0;
    bool only_arguments = false;
    while (rc == 0 && reading.next < reading.argc) {
        char *word = argv[reading.next++];
        if (only_arguments || word[0] != '-' || word[1] == '\0')
            argv[kept++] = word;
        else if (strcmp(word, "--") == 0)
            only_arguments = true;
        else if (word[1] == '-')
            rc = read_long(&reading, word + 2);
        else
            rc = read_letters(&reading, word + 1);
    }
    *argc = kept;
    return rc;
}
