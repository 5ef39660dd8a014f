/*
 * Contexts: to stop running on one stack and go on with another. On the thread that calls; a
 * context may go on on another thread than it stopped on, one at a time.
 */
#ifndef ASYNC_CONTEXT_H
#define ASYNC_CONTEXT_H

#include "sanitizer.h"
#include "stack_pool.h"

#if defined(FERRY_UCONTEXT) || !(defined(__x86_64__) || defined(__aarch64__))
#define CONTEXT_UCONTEXT 1
#include <ucontext.h>
#endif

struct context {
#ifdef CONTEXT_UCONTEXT
    ucontext_t ucontext;
#else
    void *stack_pointer; /* the registers lie there */
#endif
#ifdef SANITIZER_ADDRESS
    void *fake_stack;
    const void *bottom;
    size_t bytes;
#endif
#ifdef SANITIZER_THREAD
    void *fiber;
#endif
};

/* Prepare a context that will run entry(arg) on the stack; entry must not return, but leave by
 * context_leave. */
void context_init(struct context *context, const struct stack *stack, void (*entry)(void *arg),
                  void *arg);

/* Give back what a context that was left holds. */
void context_fini(struct context *context);

/* Stop here, to go on when somebody switches to `from`, and go on with `to`. */
void context_switch(struct context *from, struct context *to);

/* The same without coming back. `from` may be freed by what goes on. */
void context_leave(struct context *from, struct context *to);

/* What an entry calls first, with the context that switched to it. */
void context_entered(struct context *previous);

#endif
