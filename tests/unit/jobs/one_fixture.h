/* For tests that need one queue, and always the same: it is made before each of them, and removed
 * behind it. */
#ifndef TESTS_JOBS_ONE_FIXTURE_H
#define TESTS_JOBS_ONE_FIXTURE_H

#include "fixture.h"

static struct fixture fixture, *f = &fixture;

static int set_up(void **ctx)
{
    (void)ctx;
    fixture_make(f);
    return 0;
}

static int tear_down(void **ctx)
{
    (void)ctx;
    fixture_remove(f);
    return 0;
}

#endif
