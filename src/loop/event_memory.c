/*
 * A reserve for libevent.
 *
 * libevent 2.1 does not survive every failure of an allocation: evhttp_request_new, for one, takes
 * a request without headers apart through a null pointer. These are small pieces, a few hundred
 * bytes a request. So when one cannot be had, a reserve is given back to malloc, which then has it,
 * and taken again as soon as there is memory. Large pieces (bodies) get none of it: without memory
 * for them a request is refused.
 *
 * The reserve is taken by an exchange, so that it is freed once. It is never touched: until it is
 * needed it costs addresses, and no memory.
 */
#include "event_memory.h"

#include <event2/event.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

enum { RESERVE_BYTES = 4 << 20, SMALL_BYTES = 64 << 10 };

static _Atomic(void *) reserve;

static void reserve_fill(void)
{
    void *none = NULL;
    void *block = malloc(RESERVE_BYTES);
    if (block && !atomic_compare_exchange_strong(&reserve, &none, block))
        free(block);
}

static void reserve_keep(void)
{
    if (!atomic_load_explicit(&reserve, memory_order_relaxed))
        reserve_fill();
}

/* Returns whether it is worth another try. */
static bool reserve_spend(size_t size)
{
    if (size > SMALL_BYTES)
        return false;
    free(atomic_exchange(&reserve, NULL));
    return true;
}

static void *take(size_t size)
{
    void *memory = malloc(size);
    if (memory)
        reserve_keep();
    else if (reserve_spend(size))
        memory = malloc(size);
    return memory;
}

static void *take_again(void *old, size_t size)
{
    void *memory = realloc(old, size);
    if (!memory && size > 0 && reserve_spend(size))
        memory = realloc(old, size);
    return memory;
}

void event_memory_take(void)
{
    event_set_mem_functions(take, take_again, free);
    reserve_keep();
}
