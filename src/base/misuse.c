/*
 * What a program must not do and cannot go on after: it is told, and ends.
 */
#include "misuse.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void misuse(const char *function, const char *how)
{
    fprintf(stderr, "ferry: %s was called %s\n", function, how);
    abort();
}
