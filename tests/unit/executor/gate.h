/*
 * A gate: holds a pool's threads inside a task until the test lets them go, and lets the test wait
 * until they are there. So a test knows which task runs and which waits, without any sleep.
 */
#ifndef UNIT_EXECUTOR_GATE_H
#define UNIT_EXECUTOR_GATE_H

#include <pthread.h>
#include <stdbool.h>

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned inside; /* threads that wait at it */
    bool open;
};

#define GATE_CLOSED                                                                                \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                     \
    }

/* Wait until it opens. What a task does. */
static inline void gate_pass(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->inside++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    gate->inside--;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

/* Wait until `count` threads wait at it. */
static inline void gate_await(struct gate *gate, unsigned count)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->inside != count)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static inline unsigned gate_inside(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    unsigned inside = gate->inside;
    pthread_mutex_unlock(&gate->lock);
    return inside;
}

static inline void gate_open(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

#endif
