/*
 * I/O errors: one at every call of the file system, and all of them from there on.
 *
 *   fault_io_errors [KIND]    all kinds of calls, or one
 *
 * The same workload again and again, with the fault one call later each time, until it is past the
 * last one: for each kind of call, with an I/O error and with a full disk, once and until it is
 * healed. No operation may be answered OK that is not on disk when the power is cut at the end,
 * none may be refused for good that is; and all must work again when the fault has passed.
 */
#include "seeds.h"
#include "skipped_time.h"
#include <limits.h>

enum { MORE_ROUNDS = 3, MAX_TRIES = 5 };

static struct {
    unsigned rounds, seeds, biggest_bytes;
} settings = {.rounds = 4, .seeds = 1, .biggest_bytes = 20000};

static struct {
    unsigned long runs, refused_to_open, failures, acknowledged;
} counts;

/* ---- one run ---- */

struct kind {
    const char *name;
    unsigned calls;
    int code;
};

/* What goes wrong in a run. */
struct plan {
    const struct kind *kind;
    bool while_opening; /* the calls are counted from there, else from when it is open */
    unsigned seed, first, count;
};

static void arm(const struct plan *plan)
{
    disk_fail((struct disk_fault){.calls = plan->kind->calls,
                                  .first = plan->first,
                                  .count = plan->count,
                                  .code = plan->kind->code});
}

static void open_at_last(struct workload *workload)
{
    if (workload_open(workload) == 0)
        return;
    counts.refused_to_open++;
    workload_close(workload);
    disk_heal();
    if (workload_open(workload) < 0)
        workload_fail(workload, "the store does not open after the fault", "");
}

static void work_in_failure(struct workload *workload, unsigned rounds)
{
    for (unsigned round = 0; round < rounds; round++) {
        workload_round(workload);
        let_time_pass();
        workload_catch_up(workload);
        let_time_pass();
    }
    if (rounds > 1)
        workload_use_packs(workload);
    counts.failures += workload->failures;
}

static void work_in_health(struct workload *workload)
{
    disk_heal();
    let_time_pass();
    for (int i = 0; !workload_catch_up(workload); i++) {
        if (i == MAX_TRIES)
            workload_fail(workload, "the fault has passed, and writes still fail", "");
        let_time_pass();
    }
    workload->failures = 0;
    for (int round = 0; round < MORE_ROUNDS; round++)
        workload_round(workload);
    if (workload->failures > 0)
        workload_fail(workload, "the fault has passed, and an operation fails", "");
}

static struct workload *start(const struct plan *plan)
{
    struct workload *workload = workload_new(plan->seed);
    snprintf(workload->name, sizeof workload->name, "seed %u, '%s' %s, call %u, %s", plan->seed,
             plan->kind->name, plan->while_opening ? "opening" : "working", plan->first,
             plan->count == 1 ? "once" : "from then on");
    workload->biggest_bytes = settings.biggest_bytes;
    if (plan->while_opening)
        arm(plan);
    open_at_last(workload);
    if (!plan->while_opening)
        arm(plan);
    return workload;
}

/* Returns whether there was a fault. */
static bool run(const struct plan *plan)
{
    counts.runs++;
    struct workload *workload = start(plan);
    work_in_failure(workload, plan->while_opening ? 1 : settings.rounds);
    bool was_faulty = disk_fault_count() > 0;
    work_in_health(workload);
    disk_cut_power_now();
    workload_close(workload);
    disk_restore_power();
    workload_open(workload);
    workload_check(workload);
    workload_finish(workload);
    workload_close(workload);
    counts.acknowledged += workload->ledger.acknowledged;
    workload_free(workload);
    return was_faulty;
}

/* ---- all of them ---- */

static const struct kind kinds[] = {
    {"open", DISK_OPEN, 0},         {"read", DISK_READ, 0},
    {"write", DISK_WRITE, 0},       {"disk full", DISK_WRITE | DISK_TRUNCATE, SQLITE_FULL},
    {"truncate", DISK_TRUNCATE, 0}, {"sync", DISK_SYNC, 0},
    {"size", DISK_SIZE, 0},         {"delete", DISK_DELETE, 0},
    {"access", DISK_ACCESS, 0},     {"shared memory", DISK_SHM_MAP, 0},
    {"lock", DISK_LOCK, 0},
};

/* Returns how many calls there were. */
static unsigned sweep(struct plan plan)
{
    bool once = true, for_good = true;
    for (plan.first = 1; once || for_good; plan.first++) {
        plan.count = 1;
        once = once && run(&plan);
        plan.count = UINT_MAX;
        for_good = for_good && run(&plan);
    }
    return plan.first - 2;
}

static void sweep_kind(const struct kind *kind)
{
    printf("%-14s %4u calls opening, working", kind->name,
           sweep((struct plan){.kind = kind, .while_opening = true, .seed = 1}));
    for (unsigned seed = 1; seed <= settings.seeds; seed++)
        printf(" %u", sweep((struct plan){.kind = kind, .seed = seed}));
    printf("\n");
}

int main(int argc, char **argv)
{
    if (is_long()) {
        settings.rounds = 20;
        settings.seeds = 5;
        settings.biggest_bytes = 300000; /* enough for checkpoints in between */
    }
    fault_begin();
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (argc < 2 || strcmp(argv[1], kinds[i].name) == 0)
            sweep_kind(&kinds[i]);
    }
    printf("%lu runs: %lu did not open at first, %lu operations failed, %lu were acknowledged, "
           "none of those was lost\n",
           counts.runs, counts.refused_to_open, counts.failures, counts.acknowledged);
    return end_with_packs(argc < 2 ? SEEDS_WITH_PACKS : 0);
}
