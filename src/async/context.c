/*
 * Contexts: the switch in assembly for x86-64 and aarch64, ucontext elsewhere (and wherever
 * FERRY_UCONTEXT is defined).
 *
 * context_swap pushes what a called function must preserve, which includes the floating-point
 * control words, leaves the stack pointer where it is told to, takes the other one, and pops the
 * same from there. Before and after the exchange the two stacks look alike, so that one set of
 * unwind notes holds for both. A new stack is laid out as if it had been left that way, to
 * "return" into context_start; that one is marked as the outermost frame, where backtraces end.
 */
#include "context.h"

#include <stdint.h>
#include <string.h>

#ifndef CONTEXT_UCONTEXT

/* `save` gets the stack pointer of who calls; `load` is one that was saved before. */
void ferry_context_swap(void **save, void *load);
void ferry_context_start(void);

#define FUNCTION(name)                                                                             \
    ".text\n.p2align 4\n.globl " #name "\n.hidden " #name "\n.type " #name ", %function\n" #name   \
    ":\n.cfi_startproc\n"
#define END(name) ".cfi_endproc\n.size " #name ", . - " #name "\n"

#if defined(__x86_64__)

#define PUSH(reg) "pushq %" reg "\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset " reg ", 0\n"
#define POP(reg)  "popq %" reg "\n.cfi_adjust_cfa_offset -8\n.cfi_restore " reg "\n"

/* clang-format off */
__asm__(FUNCTION(ferry_context_swap)
        "endbr64\n"
        PUSH("rbp") PUSH("rbx") PUSH("r12") PUSH("r13") PUSH("r14") PUSH("r15")
        "subq $8, %rsp\n.cfi_adjust_cfa_offset 8\n"
        "stmxcsr (%rsp)\n"
        "fnstcw 4(%rsp)\n"
        "movq %rsp, (%rdi)\n"
        "movq %rsi, %rsp\n"
        "ldmxcsr (%rsp)\n"
        "fldcw 4(%rsp)\n"
        "addq $8, %rsp\n.cfi_adjust_cfa_offset -8\n"
        POP("r15") POP("r14") POP("r13") POP("r12") POP("rbx") POP("rbp")
        "ret\n"
        END(ferry_context_swap)

        FUNCTION(ferry_context_start)
        ".cfi_undefined rip\n"
        "movq %r12, %rdi\n"
        "call *%r13\n"
        "ud2\n"
        END(ferry_context_start));
/* clang-format on */

enum { FRAME_CONTROL, FRAME_R13 = 3, FRAME_R12 = 4, FRAME_RETURN = 7, FRAME_WORDS = 8 };

static void frame_fill(uintptr_t *frame, void (*entry)(void *arg), void *arg)
{
    const uintptr_t mxcsr = 0x1F80, x87 = 0x037F; /* what a process starts with */
    frame[FRAME_CONTROL] = x87 << 32 | mxcsr;
    frame[FRAME_R12] = (uintptr_t)arg;
    frame[FRAME_R13] = (uintptr_t)entry;
    frame[FRAME_RETURN] = (uintptr_t)ferry_context_start;
}

#else /* aarch64 */

#define PAIR(op, a, b, at) op " " a ", " b ", [sp, #" at "]\n"
#define SAVED(op)                                                                                  \
    PAIR(op, "x19", "x20", "0")                                                                    \
    PAIR(op, "x21", "x22", "16")                                                                   \
    PAIR(op, "x23", "x24", "32")                                                                   \
    PAIR(op, "x25", "x26", "48")                                                                   \
    PAIR(op, "x27", "x28", "64")                                                                   \
    PAIR(op, "x29", "x30", "80")                                                                   \
    PAIR(op, "d8", "d9", "96")                                                                     \
    PAIR(op, "d10", "d11", "112")                                                                  \
    PAIR(op, "d12", "d13", "128")                                                                  \
    PAIR(op, "d14", "d15", "144")

/* clang-format off */
__asm__(FUNCTION(ferry_context_swap)
        "hint #34\n" /* bti c */
        "sub sp, sp, #176\n.cfi_adjust_cfa_offset 176\n"
        SAVED("stp")
        ".cfi_rel_offset x19, 0\n.cfi_rel_offset x20, 8\n.cfi_rel_offset x21, 16\n"
        ".cfi_rel_offset x22, 24\n.cfi_rel_offset x23, 32\n.cfi_rel_offset x24, 40\n"
        ".cfi_rel_offset x25, 48\n.cfi_rel_offset x26, 56\n.cfi_rel_offset x27, 64\n"
        ".cfi_rel_offset x28, 72\n.cfi_rel_offset x29, 80\n.cfi_rel_offset x30, 88\n"
        "mrs x9, fpcr\n"
        "str x9, [sp, #160]\n"
        "mov x9, sp\n"
        "str x9, [x0]\n"
        "mov sp, x1\n"
        "ldr x9, [sp, #160]\n"
        "msr fpcr, x9\n"
        SAVED("ldp")
        "add sp, sp, #176\n.cfi_adjust_cfa_offset -176\n"
        "ret\n"
        END(ferry_context_swap)

        FUNCTION(ferry_context_start)
        ".cfi_undefined x30\n"
        "mov x0, x19\n"
        "blr x20\n"
        "brk #0\n"
        END(ferry_context_start));
/* clang-format on */

enum { FRAME_X19, FRAME_X20, FRAME_X30 = 11, FRAME_WORDS = 22 };

static void frame_fill(uintptr_t *frame, void (*entry)(void *arg), void *arg)
{
    frame[FRAME_X19] = (uintptr_t)arg;
    frame[FRAME_X20] = (uintptr_t)entry;
    frame[FRAME_X30] = (uintptr_t)ferry_context_start;
}

#endif

static void machine_init(struct context *context, const struct stack *stack,
                         void (*entry)(void *arg), void *arg)
{
    /* Two words above the frame stay empty: the stack pointer is a multiple of 16 at the start. */
    uintptr_t *frame = (uintptr_t *)(void *)(stack->bottom + stack->bytes) - 2 - FRAME_WORDS;
    memset(frame, 0, (FRAME_WORDS + 2) * sizeof *frame);
    frame_fill(frame, entry, arg);
    context->stack_pointer = frame;
}

static void machine_swap(struct context *from, struct context *to)
{
    ferry_context_swap(&from->stack_pointer, to->stack_pointer);
}

#else /* ucontext */

/* makecontext passes nothing but ints. */
static void ucontext_entry(unsigned entry_high, unsigned entry_low, unsigned arg_high,
                           unsigned arg_low)
{
    uintptr_t entry = (uintptr_t)((uint64_t)entry_high << 32 | entry_low);
    uintptr_t arg = (uintptr_t)((uint64_t)arg_high << 32 | arg_low);
    ((void (*)(void *))entry)((void *)arg);
}

static void machine_init(struct context *context, const struct stack *stack,
                         void (*entry)(void *arg), void *arg)
{
    uint64_t e = (uintptr_t)entry, a = (uintptr_t)arg;
    getcontext(&context->ucontext);
    context->ucontext.uc_stack.ss_sp = stack->bottom;
    context->ucontext.uc_stack.ss_size = stack->bytes;
    context->ucontext.uc_link = NULL;
    makecontext(&context->ucontext, (void (*)(void))ucontext_entry, 4, (unsigned)(e >> 32),
                (unsigned)e, (unsigned)(a >> 32), (unsigned)a);
}

static void machine_swap(struct context *from, struct context *to)
{
    swapcontext(&from->ucontext, &to->ucontext);
}

#endif

/* ---- with what the sanitizers are told ---- */

void context_init(struct context *context, const struct stack *stack, void (*entry)(void *arg),
                  void *arg)
{
    machine_init(context, stack, entry, arg);
#ifdef SANITIZER_ADDRESS
    context->fake_stack = NULL;
    context->bottom = stack->bottom;
    context->bytes = stack->bytes;
#endif
#ifdef SANITIZER_THREAD
    context->fiber = __tsan_create_fiber(0);
#endif
}

void context_fini(struct context *context)
{
#ifdef SANITIZER_THREAD
    __tsan_destroy_fiber(context->fiber);
#else
    (void)context;
#endif
}

static void swap(struct context *from, struct context *to)
{
#ifdef SANITIZER_THREAD
    from->fiber = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to->fiber, 0);
#endif
    machine_swap(from, to);
}

void context_switch(struct context *from, struct context *to)
{
#ifdef SANITIZER_ADDRESS
    __sanitizer_start_switch_fiber(&from->fake_stack, to->bottom, to->bytes);
#endif
    swap(from, to);
#ifdef SANITIZER_ADDRESS
    __sanitizer_finish_switch_fiber(from->fake_stack, &to->bottom, &to->bytes);
#endif
}

void context_leave(struct context *from, struct context *to)
{
#ifdef SANITIZER_ADDRESS
    __sanitizer_start_switch_fiber(NULL, to->bottom, to->bytes); /* its fake stack goes */
#endif
    swap(from, to);
}

void context_entered(struct context *previous)
{
#ifdef SANITIZER_ADDRESS
    __sanitizer_finish_switch_fiber(NULL, &previous->bottom, &previous->bytes);
#else
    (void)previous;
#endif
}
