/*
 * Hints for a name that is not known: the one that was probably meant, or all there are.
 */
#ifndef CONFIG_SUGGEST_H
#define CONFIG_SUGGEST_H

#include "diagnostics.h"

/* Begin with {.given = name}, add what is known, and let it become a hint of the last report. */
struct suggestion {
    const char *given;
    struct bytes closest;
    size_t distance; /* of the closest */
    struct bytes known;
};

void suggestion_add(struct suggestion *suggestion, const char *name);

/* Return the one that was probably meant, NULL if none is close. Valid until the end. */
const char *suggestion_closest(const struct suggestion *suggestion);

/* Either ends it and gives up its memory. */
void suggestion_fini(struct suggestion *suggestion);
void suggestion_hint(struct suggestion *suggestion, struct diagnostics *diagnostics);

#endif
