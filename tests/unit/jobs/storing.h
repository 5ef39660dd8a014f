/* A store of its own on the fixture's loop, without a queue. */
#ifndef TESTS_JOBS_STORING_H
#define TESTS_JOBS_STORING_H

#include "fixture.h"

#include "store.h"

static struct fixture fixture, *f = &fixture;
static struct store *store;

static inline void ignore_interrupted(void *arg, const struct interrupted_job *job)
{
    (void)arg, (void)job;
}

static inline void ignore_count(void *arg, const char *route, enum job_state state, int64_t count,
                                int64_t bytes)
{
    (void)arg, (void)route, (void)state, (void)count, (void)bytes;
}

static inline void storing_set_up(void)
{
    static const struct store_visitor ignore_all = {
        .interrupted = ignore_interrupted,
        .count = ignore_count,
    };
    fixture_make(f);
    store = store_open(f->loop, f->folder.path, 3, NULL, &ignore_all, NULL);
    assert_non_null(store);
}

#endif
