/*
 * Stacks for coroutines.
 *
 * A stack is one mapping: a guard without any access, and above it the stack. The guard is larger
 * than what a function has on the stack, since one with a large array would reach over a page, into
 * the stack below. It costs addresses, no memory. A spare one is linked through its own topmost
 * bytes, which are in memory anyway; so the pool allocates nothing. What a coroutine touched of a
 * spare stack stays in memory, which is why their number is bounded.
 */
#include "stack_pool.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sanitizer.h"

struct spare_stack {
    struct spare_stack *next;
    struct stack stack;
};

enum { GUARD_BYTES = 1 << 20 }; /* whole pages, however large these are */

void stack_pool_init(struct stack_pool *pool, size_t bytes, size_t spare_max)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t most = SIZE_MAX / 16; /* no system has as much, and the sums below fit */
    bytes = (bytes < most ? bytes : most) * SANITIZER_STACK_FACTOR;
    *pool = (struct stack_pool){
        .bytes = (bytes + page - 1) / page * page,
        .spare_max = spare_max,
    };
}

static void stack_unmap(const struct stack *stack)
{
    munmap(stack->bottom - GUARD_BYTES, stack->bytes + GUARD_BYTES);
}

void stack_pool_fini(struct stack_pool *pool)
{
    while (pool->spare) {
        struct stack stack = pool->spare->stack;
        pool->spare = pool->spare->next;
        stack_unmap(&stack);
    }
    pool->spare_count = 0;
}

static bool stack_map(struct stack *stack, size_t bytes)
{
    char *start = mmap(NULL, GUARD_BYTES + bytes, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (start == MAP_FAILED)
        return false;
    if (mprotect(start + GUARD_BYTES, bytes, PROT_READ | PROT_WRITE) < 0) {
        munmap(start, GUARD_BYTES + bytes);
        return false;
    }
    *stack = (struct stack){.bottom = start + GUARD_BYTES, .bytes = bytes};
    return true;
}

bool stack_pool_get(struct stack_pool *pool, struct stack *stack)
{
    if (!pool->spare)
        return stack_map(stack, pool->bytes);
    *stack = pool->spare->stack;
    pool->spare = pool->spare->next;
    pool->spare_count--;
    return true;
}

void stack_pool_put(struct stack_pool *pool, const struct stack *stack)
{
    sanitizer_forget_stack(stack->bottom, stack->bytes);
    if (pool->spare_count == pool->spare_max) {
        stack_unmap(stack);
        return;
    }
    struct spare_stack *spare =
        (struct spare_stack *)(void *)(stack->bottom + stack->bytes - sizeof *spare);
    *spare = (struct spare_stack){.next = pool->spare, .stack = *stack};
    pool->spare = spare;
    pool->spare_count++;
}
