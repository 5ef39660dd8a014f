/* What the fault tests share: a log that is shown on demand, and workloads by their seeds. */
#ifndef TESTS_FAULT_SEEDS_H
#define TESTS_FAULT_SEEDS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

#include "disk_vfs.h"
#include "workload.h"

enum { SEEDS_WITH_PACKS = 50 };

static inline bool is_long(void)
{
    const char *value = getenv("FERRY_LONG");
    return value && strcmp(value, "1") == 0;
}

static inline void quiet_log(void *arg, ferry_log_level level, const char *line, size_t length)
{
    (void)arg, (void)level;
    if (getenv("FERRY_TEST_LOG"))
        fprintf(stderr, "%.*s", (int)length, line);
}

static inline void fault_begin(void)
{
    ferry_log_set_sink(quiet_log, NULL);
    disk_install();
}

/* Compare what is left of a workload, have it end, and free it. Returns how many operations were
 * acknowledged in all of its lives. */
static inline unsigned long workload_end(struct workload *workload)
{
    workload_open(workload);
    workload_check(workload);
    workload_finish(workload);
    workload_close(workload);
    unsigned long acknowledged = workload->ledger.acknowledged;
    workload_free(workload);
    return acknowledged;
}

/* Print the counts of packs. Returns what main does: a failure where so many seeds have none. */
static inline int end_with_packs(unsigned long long seeds)
{
    if (workload_print_packs() || seeds < SEEDS_WITH_PACKS)
        return 0;
    fprintf(stderr, "the workloads do not do all with packs that they are to do\n");
    return 1;
}

/* Run the seeds of a command line [COUNT [FIRST]], or the one of FERRY_SEED; without either,
 * `count` of them, or 10,000 in a long run. Returns how many. */
static inline unsigned long long run_seeds(int argc, char **argv, uint64_t count,
                                           void (*run)(uint64_t seed))
{
    const char *one = getenv("FERRY_SEED");
    uint64_t first = 1;
    if (is_long())
        count = 10000;
    if (argc > 1)
        count = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        first = strtoull(argv[2], NULL, 10);
    if (one) {
        first = strtoull(one, NULL, 10);
        count = 1;
    }
    fault_begin();
    for (uint64_t seed = first; seed < first + count; seed++)
        run(seed);
    return count;
}

#endif
