/*
 * Libraries that are loaded when they are first needed, by a table of their functions. Any thread.
 */
#ifndef BASE_LIBRARY_H
#define BASE_LIBRARY_H

#include <stddef.h>

/* A function, and where in the table its address goes. */
struct library_symbol {
    const char *name;
    size_t offset;
};

/* Load a library, for as long as the process lives, and fill the table. Returns NULL, or what is
 * wrong, in the dynamic loader's text, which is good until this thread's next use of it; the table
 * is then good for nothing. */
const char *library_load(const char *soname, const struct library_symbol *symbols, size_t count,
                         void *table);

#endif
