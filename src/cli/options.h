/*
 * The options of a command line, by a table of those there are: --name VALUE, --name=VALUE, -n
 * VALUE, -nVALUE. Options and arguments come in any order; after "--" all are arguments.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <ferry/error.h>

enum option_kind {
    OPTION_FLAG,   /* into a bool */
    OPTION_TEXT,   /* into a const char *, which points into argv; once */
    OPTION_NUMBER, /* into an unsigned; 1 or more; once */
    OPTION_LIST,   /* onto a struct option_list, each time that it is given */
};

enum { OPTION_LIST_MAX = 64 };

/* NULL-terminated. */
struct option_list {
    const char *items[OPTION_LIST_MAX + 1];
    size_t count;
};

/* One option; a table of at most 64 of them ends with {0}. */
struct option_def {
    const char *name; /* without dashes */
    char letter;      /* 0: none */
    enum option_kind kind;
    void *into;
};

static inline struct option_def option_flag(const char *name, char letter, bool *into)
{
    return (struct option_def){name, letter, OPTION_FLAG, into};
}

static inline struct option_def option_text(const char *name, char letter, const char **into)
{
    return (struct option_def){name, letter, OPTION_TEXT, into};
}

static inline struct option_def option_number(const char *name, unsigned *into)
{
    return (struct option_def){name, 0, OPTION_NUMBER, into};
}

static inline struct option_def option_list(const char *name, char letter, struct option_list *into)
{
    return (struct option_def){name, letter, OPTION_LIST, into};
}

/* Read what `defs` name and take it out of argv, so that *argc counts argv[0] and the arguments
 * that are left. "-" is an argument. Returns 0, or FERRY_INVALID with what is wrong, and the option
 * that was probably meant. */
int options_read(const struct option_def *defs, int *argc, char **argv, ferry_error *error);

#endif
