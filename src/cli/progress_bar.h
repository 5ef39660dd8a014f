/*
 * A progress bar of one line, redrawn in place on a terminal; elsewhere a line for each change.
 */
#ifndef CLI_PROGRESS_BAR_H
#define CLI_PROGRESS_BAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "bytes.h"

/* Append "[=====>     ]  45% message" to an empty text, in `width` columns: the message is cut, and
 * on a narrow terminal the percentage stands without a bar. A fraction below 0 is not known: then
 * the message stands alone. */
void progress_bar_format(struct bytes *out, double fraction, const char *message, size_t width);

/* Begin with {.out = ..., .is_terminal = ...}. */
struct progress_bar {
    FILE *out;
    bool is_terminal;
    struct bytes shown; /* what stands there now; empty: nothing */
};

/* Show it, if that is something new. */
void progress_bar_show(struct progress_bar *bar, double fraction, const char *message);

/* Take it away, so that other lines can follow; on a terminal nothing of it is left. */
void progress_bar_clear(struct progress_bar *bar);
void progress_bar_fini(struct progress_bar *bar);

#endif
