/*
 * Stacks for coroutines: mapped with a guard below, and a bounded number kept for the next.
 * Belongs to one thread.
 */
#ifndef ASYNC_STACK_POOL_H
#define ASYNC_STACK_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct stack {
    char *bottom; /* the lowest address that may be used; the guard lies below */
    size_t bytes;
};

struct spare_stack;

struct stack_pool {
    size_t bytes; /* of each stack, whole pages */
    size_t spare_max;
    size_t spare_count;
    struct spare_stack *spare;
};

void stack_pool_init(struct stack_pool *pool, size_t bytes, size_t spare_max);
void stack_pool_fini(struct stack_pool *pool);

/* Returns whether there was memory. */
bool stack_pool_get(struct stack_pool *pool, struct stack *stack);

/* Nothing runs on it any more. */
void stack_pool_put(struct stack_pool *pool, const struct stack *stack);

#endif
