/*
 * What is wrong with a configuration, collected and then shown in one go:
 *
 *     ferry.yaml:12:20: error: unknown key "thread" in pools.default
 *         default: {thread: 8}
 *                   ^~~~~~
 *         hint: did you mean "threads"?
 *
 * What comes from outside the file is shown without lines: `--set drain=x: error: ...`.
 */
#ifndef CONFIG_DIAGNOSTICS_H
#define CONFIG_DIAGNOSTICS_H

#include "bytes.h"
#include "source.h"

struct diagnostic;

/* A zeroed struct is an empty collection. It owns the sources that its marks point into. */
struct diagnostics {
    struct diagnostic *items;
    size_t count;
    size_t error_count;
    struct source **sources;
    size_t source_count;
    bool no_memory; /* something was lost: counts as an error */
};

/* Add a source: the name and the text are copied. Reports follow the order in which sources were
 * added. NULL without memory. */
const struct source *diagnostics_add_source(struct diagnostics *diagnostics, const char *name,
                                            const char *text, size_t length, bool is_override);

void diagnostics_error(struct diagnostics *diagnostics, struct mark mark, const char *format, ...)
    FERRY_PRINTF(3, 4);
void diagnostics_warning(struct diagnostics *diagnostics, struct mark mark, const char *format, ...)
    FERRY_PRINTF(3, 4);

/* Say more about what was reported last. */
void diagnostics_hint(struct diagnostics *diagnostics, const char *format, ...) FERRY_PRINTF(2, 3);

/* Copy a string that the configuration keeps; NULL, and remembered, without memory. */
char *diagnostics_strdup(struct diagnostics *diagnostics, const char *text);

bool diagnostics_failed(const struct diagnostics *diagnostics);

/* Append all, in the order of the sources and of their lines. */
void diagnostics_render(struct diagnostics *diagnostics, struct bytes *report);

void diagnostics_fini(struct diagnostics *diagnostics);

#endif
