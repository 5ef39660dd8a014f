/*
 * Finds the closest name by edit distance (insert, delete, replace, swap of two neighbours),
 * without regard to case. Main thread.
 */
#include "suggest.h"

#include <string.h>

#include "ascii.h"

enum { LENGTH_MAX = 40 }; /* longer names are not compared */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool is_same(char a, char b)
{
    return ascii_lower(a) == ascii_lower(b);
}

static size_t edit_distance(const char *a, const char *b)
{
    size_t a_length = strlen(a), b_length = strlen(b);
    size_t rows[LENGTH_MAX + 1][LENGTH_MAX + 1];
    if (a_length > LENGTH_MAX || b_length > LENGTH_MAX)
        return SIZE_MAX;
    for (size_t i = 0; i <= a_length; i++)
        rows[i][0] = i;
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        for (size_t j = 1; j <= b_length; j++) {
            size_t replaced = rows[i - 1][j - 1] + !is_same(a[i - 1], b[j - 1]);
            rows[i][j] = least(replaced, least(rows[i - 1][j], rows[i][j - 1]) + 1);
            bool swapped =
                i > 1 && j > 1 && is_same(a[i - 1], b[j - 2]) && is_same(a[i - 2], b[j - 1]);
            if (swapped)
                rows[i][j] = least(rows[i][j], rows[i - 2][j - 2] + 1);
        }
    }
    return rows[a_length][b_length];
}

/* "warning" means "warn": one that begins with the other counts as a small slip. */
static bool is_prefix(const char *a, const char *b)
{
    size_t length = least(strlen(a), strlen(b));
    return length >= 3 && ascii_compare_n(a, b, length) == 0;
}

void suggestion_add(struct suggestion *suggestion, const char *name)
{
    bytes_printf(&suggestion->known, "%s%s", suggestion->known.length ? ", " : "", name);
    size_t distance = edit_distance(suggestion->given, name);
    if (distance > 1 && is_prefix(suggestion->given, name))
        distance = 1;
    if (suggestion->closest.length > 0 && distance >= suggestion->distance)
        return;
    suggestion->distance = distance;
    bytes_clear(&suggestion->closest);
    bytes_append_text(&suggestion->closest, name);
}

void suggestion_fini(struct suggestion *suggestion)
{
    bytes_fini(&suggestion->closest);
    bytes_fini(&suggestion->known);
}

const char *suggestion_closest(const struct suggestion *suggestion)
{
    size_t tolerated = 1 + strlen(suggestion->given) / 5;
    bool is_close = suggestion->closest.length > 0 && suggestion->distance <= least(tolerated, 3) &&
                    suggestion->distance < suggestion->closest.length;
    return is_close ? bytes_text(&suggestion->closest) : NULL;
}

void suggestion_hint(struct suggestion *suggestion, struct diagnostics *diagnostics)
{
    const char *closest = suggestion_closest(suggestion);
    if (closest)
        diagnostics_hint(diagnostics, "did you mean \"%s\"?", closest);
    else if (suggestion->known.length > 0)
        diagnostics_hint(diagnostics, "known: %s", bytes_text(&suggestion->known));
    suggestion_fini(suggestion);
}
