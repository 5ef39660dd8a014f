/*
 * Entries of ferry_loop_add_callback, in blocks: the thread that posts takes them out of a block of
 * its own, one behind the other, and whoever ran or dropped the last of a block gives it back. So
 * the loop, which runs the entries of a thread in their order, reads memory in its order.
 *
 * A block knows how many of its entries have yet to end. Those that its thread has not used are
 * among them, so that a block cannot go under its thread; a thread that ends takes them off. An
 * entry is one cache line: what a thread writes and what the loop reads do not meet in one.
 *
 * Blocks that were given back are kept for whoever needs one next, SPARE_MAX of them in the
 * process, as malloc would return them to the system and get them anew, page by page. spare_lock
 * guards them; it is held for a few instructions, once for a block, and nothing is called under it.
 */
#include "posted.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "loop_base.h"

enum {
    LINE_BYTES = 64,
    BLOCK_ENTRIES = 63, /* with its head, a block is 4 KiB */
    SPARE_MAX = 256,    /* 1 MiB */
};

struct posted_callback {
    alignas(LINE_BYTES) struct mailbox_entry entry;
    struct posted_block *block;
    ferry_loop *loop; /* no reference: whoever runs the entry has one */
    ferry_callback *fn;
    ferry_callback *free_arg;
    void *arg;
};

struct posted_block {
    alignas(LINE_BYTES) atomic_uint left; /* entries that have not ended */
    bool is_single;                       /* it has one entry, and is not kept */
    struct posted_block *next_spare;
    struct posted_callback entries[];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t block_key; /* its value is the thread's block, and tells of the thread's end */
static bool has_block_key;
static _Thread_local struct posted_block *current; /* has entries left for this thread */
static _Thread_local unsigned used;

/* ---- blocks ---- */

static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER;
static struct posted_block *spare;
static unsigned spare_count;

static struct posted_block *spare_take(void)
{
    pthread_mutex_lock(&spare_lock);
    struct posted_block *block = spare;
    if (block) {
        spare = block->next_spare;
        spare_count--;
    }
    pthread_mutex_unlock(&spare_lock);
    return block;
}

/* Keep a block, if there are not enough of them. */
static bool spare_keep(struct posted_block *block)
{
    pthread_mutex_lock(&spare_lock);
    bool keep = spare_count < SPARE_MAX;
    if (keep) {
        block->next_spare = spare;
        spare = block;
        spare_count++;
    }
    pthread_mutex_unlock(&spare_lock);
    return keep;
}

static void block_drop(struct posted_block *block, unsigned count)
{
    if (atomic_fetch_sub_explicit(&block->left, count, memory_order_acq_rel) > count)
        return;
    if (block->is_single || !spare_keep(block))
        free(block);
}

static void on_thread_exit(void *block)
{
    current =
        NULL; /* another destructor may post; then there is a new one, and this is called again */
    block_drop(block, BLOCK_ENTRIES - used);
}

static void key_create(void)
{
    has_block_key = pthread_key_create(&block_key, on_thread_exit) == 0;
}

static struct posted_block *block_new(unsigned count)
{
    struct posted_block *block = count == BLOCK_ENTRIES ? spare_take() : NULL;
    if (!block)
        block = aligned_alloc(LINE_BYTES, sizeof *block + count * sizeof block->entries[0]);
    if (block) {
        atomic_init(&block->left, count);
        block->is_single = count == 1;
    }
    return block;
}

/* Get the thread a block. Returns an entry of it, or a block of one entry where the thread's end
 * would not be told. */
static struct posted_callback *entry_of_new_block(void)
{
    pthread_once(&once, key_create);
    struct posted_block *block = has_block_key ? block_new(BLOCK_ENTRIES) : NULL;
    if (block && pthread_setspecific(block_key, block) == 0) {
        current = block;
        used = 1;
    } else {
        free(block);
        block = block_new(1);
        if (!block)
            return NULL;
    }
    block->entries[0].block = block;
    return &block->entries[0];
}

/* ---- entries ---- */

static struct posted_callback *entry_take(void)
{
    struct posted_block *block = current;
    if (!block)
        return entry_of_new_block();
    struct posted_callback *posted = &block->entries[used];
    posted->block = block;
    if (++used == BLOCK_ENTRIES) {
        current = NULL;
        pthread_setspecific(block_key, NULL);
    }
    return posted;
}

static void posted_drop(struct mailbox_entry *entry)
{
    struct posted_callback posted = *(struct posted_callback *)entry;
    block_drop(posted.block, 1);
    if (posted.free_arg)
        posted.free_arg(posted.arg);
}

static void posted_run(struct mailbox_entry *entry)
{
    struct posted_callback posted = *(struct posted_callback *)entry;
    if (loop_is_closing(posted.loop)) {
        posted_drop(entry);
        return;
    }
    block_drop(posted.block, 1);
    posted.fn(posted.arg);
}

struct mailbox_entry *posted_new(ferry_loop *loop, ferry_callback *fn, void *arg,
                                 ferry_callback *free_arg)
{
    struct posted_callback *posted = entry_take();
    if (!posted)
        return NULL;
    posted->entry.run = posted_run;
    posted->entry.drop = posted_drop;
    posted->loop = loop;
    posted->fn = fn;
    posted->free_arg = free_arg;
    posted->arg = arg;
    return &posted->entry;
}
