/*
 * The table of calls that run now. Pool threads; a signal handler reads.
 *
 * A slot is its taker's until that sets `taken` back; `thread` is set while it can be read. A
 * thread comes back to the slot that it had last, so that as a rule nobody contends for one. New
 * ones begin among the first few slots: what is never touched of the table takes no memory, however
 * many threads come and go. The last byte of each text is never written: whoever reads one while it
 * changes finds its end.
 */
#include "in_flight.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    SIGNAL_STACK_BYTES = 48 << 10, /* the registers of AVX-512 and a backtrace fit */
    FIRST_SLOTS = 64,
};

static struct in_flight slots[IN_FLIGHT_SLOTS];
static atomic_uint next_thread; /* modulo FIRST_SLOTS: where it looks first */
static atomic_bool uses_signal_stacks;

static pthread_key_t stack_key; /* its value is the thread's signal stack */
static pthread_once_t stack_once = PTHREAD_ONCE_INIT;
static bool has_stack_key;

static _Thread_local struct {
    pid_t id; /* 0: this is its first call */
    unsigned slot;
} thread;

static void text_copy(char *to, size_t size, const char *from)
{
    size_t length = from ? strnlen(from, size - 1) : 0;
    if (length > 0)
        memcpy(to, from, length);
    if (length < size - 1)
        to[length] = '\0';
}

void in_flight_use_signal_stacks(void)
{
    atomic_store(&uses_signal_stacks, true);
}

static void stack_free(void *memory)
{
    sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
    munmap(memory, SIGNAL_STACK_BYTES);
}

static void stack_key_init(void)
{
    has_stack_key = pthread_key_create(&stack_key, stack_free) == 0;
}

/* Without memory it does without: only the report of a stack that is used up needs it. */
void in_flight_use_signal_stack(void)
{
    pthread_once(&stack_once, stack_key_init);
    if (!has_stack_key)
        return;
    void *memory = mmap(NULL, SIGNAL_STACK_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED)
        return;
    if (pthread_setspecific(stack_key, memory)) {
        munmap(memory, SIGNAL_STACK_BYTES);
        return;
    }
    sigaltstack(&(stack_t){.ss_sp = memory, .ss_size = SIGNAL_STACK_BYTES}, NULL);
}

static void thread_init(void)
{
    thread.id = gettid();
    thread.slot = atomic_fetch_add(&next_thread, 1) % FIRST_SLOTS;
    if (atomic_load(&uses_signal_stacks))
        in_flight_use_signal_stack();
}

struct in_flight *in_flight_begin(const char *worker, const char *route, const char *delivery_id)
{
    if (thread.id == 0)
        thread_init();
    for (unsigned tried = 0; tried < IN_FLIGHT_SLOTS; tried++) {
        struct in_flight *slot = &slots[thread.slot];
        bool free = false;
        if (atomic_compare_exchange_strong(&slot->taken, &free, true)) {
            text_copy(slot->worker, sizeof slot->worker, worker);
            text_copy(slot->route, sizeof slot->route, route);
            text_copy(slot->delivery_id, sizeof slot->delivery_id, delivery_id);
            atomic_store_explicit(&slot->thread, thread.id, memory_order_release);
            return slot;
        }
        thread.slot = (thread.slot + 1) % IN_FLIGHT_SLOTS;
    }
    return NULL;
}

void in_flight_end(struct in_flight *slot)
{
    if (!slot)
        return;
    atomic_store_explicit(&slot->thread, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->taken, false, memory_order_release);
}

const struct in_flight *in_flight_at(unsigned index)
{
    const struct in_flight *slot = &slots[index];
    return atomic_load(&slot->thread) ? slot : NULL;
}
