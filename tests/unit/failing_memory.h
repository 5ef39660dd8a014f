/*
 * Memory that is lacking once: for a test whose tests.cmake wraps calloc, malloc, realloc and
 * strdup.
 *
 *     for (struct lack lack = {0}; lack_next(&lack);) {
 *         make what is needed; lack_begin(&lack); try; lack_end(&lack);
 *         look, and give all back
 *     }
 *
 * goes on until nothing was lacking. What leaks is for the sanitizer to tell.
 */
#ifndef UNIT_FAILING_MEMORY_H
#define UNIT_FAILING_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* The allocation that fails, counted from here; 0: none does. */
static _Thread_local unsigned lacks_in;

static inline bool memory_is_lacking(void)
{
    return lacks_in > 0 && --lacks_in == 0;
}

void *__real_calloc(size_t count, size_t size);
void *__real_malloc(size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_calloc(size_t count, size_t size)
{
    return memory_is_lacking() ? NULL : __real_calloc(count, size);
}

void *__wrap_malloc(size_t size)
{
    return memory_is_lacking() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return memory_is_lacking() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text)
{
    return memory_is_lacking() ? NULL : __real_strdup(text);
}

struct lack {
    unsigned turn;
    bool was_lacking; /* in this turn */
};

static inline bool lack_next(struct lack *lack)
{
    return lack->turn++ == 0 || lack->was_lacking;
}

static inline void lack_begin(const struct lack *lack)
{
    lacks_in = lack->turn;
}

static inline void lack_end(struct lack *lack)
{
    lack->was_lacking = lacks_in == 0;
    lacks_in = 0;
}

#endif
