/*
 * Pieces of memory that are used again.
 *
 * malloc keeps seven free pieces of a size at hand for each thread; the next ones cost it several
 * times as much. A server has as many in use, and then free, as it has requests in flight. Here
 * each thread has a list for each size, through the pieces themselves, and no lock. Those of a
 * thread that ends are freed.
 *
 * Sanitizers see what malloc and free see: for them nothing is kept.
 */
#include "spare.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#ifndef SPARE_IS_KEEPING /* a test says so */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SPARE_IS_KEEPING false
#elif defined(__has_feature)
#define SPARE_IS_KEEPING !(__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SPARE_IS_KEEPING true
#endif
#endif

enum { STEP_BYTES = 64, LIST_COUNT = SPARE_PIECE_MAX_BYTES / STEP_BYTES };

struct piece {
    struct piece *next;
};

struct list {
    struct piece *first;
    unsigned count;
};

static _Thread_local struct list lists[LIST_COUNT];
static _Thread_local bool is_watched; /* the thread's end is told */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key; /* its value tells of the thread's end */
static bool has_key;

/* ---- the end of a thread ---- */

static void on_thread_exit(void *value)
{
    (void)value;
    is_watched = false; /* another destructor may free a piece; then this is called again */
    for (size_t i = 0; i < LIST_COUNT; i++) {
        for (struct piece *piece; (piece = lists[i].first);) {
            lists[i].first = piece->next;
            free(piece);
        }
        lists[i].count = 0;
    }
}

static void key_create(void)
{
    has_key = pthread_key_create(&key, on_thread_exit) == 0;
}

static bool watch_thread(void)
{
    if (is_watched)
        return true;
    pthread_once(&once, key_create);
    is_watched = has_key && pthread_setspecific(key, lists) == 0;
    return is_watched;
}

/* ---- pieces ---- */

/* Return the list for a size, NULL if there is none. */
static struct list *list_of(size_t bytes)
{
    bool has_list = SPARE_IS_KEEPING && bytes > 0 && bytes <= SPARE_PIECE_MAX_BYTES;
    return has_list ? &lists[(bytes - 1) / STEP_BYTES] : NULL;
}

void *spare_new(size_t bytes)
{
    struct list *list = list_of(bytes);
    if (!list)
        return malloc(bytes);
    struct piece *piece = list->first;
    if (!piece)
        return malloc((bytes + STEP_BYTES - 1) / STEP_BYTES * STEP_BYTES); /* any of its list */
    list->first = piece->next;
    list->count--;
    return piece;
}

void spare_free(void *memory, size_t bytes)
{
    struct list *list = list_of(bytes);
    if (!memory || !list || list->count == SPARE_KEPT_MAX || !watch_thread()) {
        free(memory);
        return;
    }
    struct piece *piece = memory;
    piece->next = list->first;
    list->first = piece;
    list->count++;
}
