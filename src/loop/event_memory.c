/*
 * A reserve for libevent.
 *
 * libevent 2.1 does not survive every failure of an allocation: evhttp_request_new, for one, takes
 * a request without headers apart through a null pointer. These are small pieces. So when malloc
 * has none, they come from blocks that are kept for that, and that nobody else can use up. Large
 * pieces, which hold bodies, get none of them: without memory for those a request is refused.
 *
 * The blocks are static and never touched before they are needed: until then they cost addresses,
 * and no memory. The lock guards the list of those that came back and the count of those never
 * used; it is held for a few instructions, and by one thread at a time as a rule: the loop's.
 */
#include "event_memory.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 2048, BLOCK_COUNT = 4096 };

union block {
    union block *next; /* while it is free */
    max_align_t aligned;
    char bytes[BLOCK_BYTES];
};

static union block blocks[BLOCK_COUNT];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static union block *free_blocks;
static size_t used_count; /* of the array's beginning */

static bool is_block(const void *memory)
{
    uintptr_t at = (uintptr_t)memory;
    return at >= (uintptr_t)blocks && at < (uintptr_t)(blocks + BLOCK_COUNT);
}

/* NULL when all are in use, or the piece is too large. */
static void *block_take(size_t size)
{
    if (size > BLOCK_BYTES)
        return NULL;
    pthread_mutex_lock(&lock);
    union block *block = free_blocks;
    if (block)
        free_blocks = block->next;
    else if (used_count < BLOCK_COUNT)
        block = &blocks[used_count++];
    pthread_mutex_unlock(&lock);
    return block;
}

static void block_give_back(union block *block)
{
    pthread_mutex_lock(&lock);
    block->next = free_blocks;
    free_blocks = block;
    pthread_mutex_unlock(&lock);
}

static void *take(size_t size)
{
    void *memory = malloc(size);
    return memory ? memory : block_take(size);
}

static void give_back(void *memory)
{
    if (is_block(memory))
        block_give_back(memory);
    else
        free(memory);
}

/* A piece of malloc's stays one: how long it was, and so what to copy, is not known here. */
static void *take_again(void *old, size_t size)
{
    if (!old)
        return take(size);
    if (!is_block(old))
        return realloc(old, size);
    if (size <= BLOCK_BYTES)
        return old;
    void *memory = malloc(size);
    if (memory) {
        memcpy(memory, old, BLOCK_BYTES);
        block_give_back(old);
    }
    return memory;
}

void event_memory_take(void)
{
    event_set_mem_functions(take, take_again, give_back);
}
