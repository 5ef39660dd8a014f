/*
 * Thread states: a short list in thread-specific storage, private to its thread, so that nothing
 * here needs a lock. The key's destructor closes them when the thread ends; a joined thread has
 * closed all of its states. Workers must therefore outlive the threads that called them.
 */
#include "thread_state.h"

#include <pthread.h>
#include <stdlib.h>

struct thread_state {
    struct thread_state *next;
    const struct worker *worker;
    void *state;
};

static pthread_key_t states_key;
static pthread_once_t states_once = PTHREAD_ONCE_INIT;

static void states_close(void *arg)
{
    struct thread_state *entry = arg;
    while (entry) {
        struct thread_state *next = entry->next;
        const ferry_worker *hooks = worker_hooks(entry->worker);
        if (hooks->thread_close)
            hooks->thread_close(entry->state);
        free(entry);
        entry = next;
    }
}

static void states_init(void)
{
    if (pthread_key_create(&states_key, states_close))
        abort(); /* 1024 keys are there; ferry needs one */
}

int thread_state_get(const struct worker *worker, void **state, ferry_error *error)
{
    const ferry_worker *hooks = worker_hooks(worker);
    *state = worker_hooks_state(worker);
    if (!hooks->thread_open)
        return 0;
    pthread_once(&states_once, states_init);
    struct thread_state *first = pthread_getspecific(states_key), *entry = first;
    while (entry && entry->worker != worker)
        entry = entry->next;
    if (!entry) {
        void *opened = NULL;
        int rc = hooks->thread_open(worker_hooks_state(worker), &opened, error);
        if (rc > 0 && error && error->code != FERRY_OK) /* it has said why */
            return error->code;
        if (rc > 0) /* the code of another library */
            return ferry_error_set(error, FERRY_INTERNAL, "its thread_open returned %d", rc);
        if (rc < 0)
            return rc;
        entry = malloc(sizeof *entry);
        if (!entry || pthread_setspecific(states_key, entry)) {
            free(entry);
            if (hooks->thread_close)
                hooks->thread_close(opened);
            return ferry_error_set(error, FERRY_INTERNAL, "no memory");
        }
        *entry = (struct thread_state){.next = first, .worker = worker, .state = opened};
    }
    *state = entry->state;
    return 0;
}
