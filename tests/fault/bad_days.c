/*
 * Bad days: a disk whose calls fail now and then, and then the power is cut.
 *
 *   fault_bad_days [COUNT [FIRST]]    so many seeds, from FIRST on; or one, of FERRY_SEED
 *
 * A seed is a workload of several lives. In each some calls of the file system fail, once or for a
 * while, and the life may end before what failed in doubt was undone or written again: by a kill, a
 * cut of the power, or a close. Each next life compares what is left with the ledger.
 */
#include "seeds.h"
#include "skipped_time.h"
#include <limits.h>

enum { LIVES = 4, ROUNDS = 14 };

static struct {
    unsigned long lives, faults, failures, acknowledged;
} counts;

/* ---- lives ---- */

static void fail_some(struct chance *chance)
{
    static const unsigned calls[] = {DISK_SYNC, DISK_SYNC, DISK_WRITE, DISK_WRITE,
                                     DISK_OPEN, DISK_READ, DISK_SIZE,  DISK_ANY};
    static const unsigned counts_of[] = {1, 1, 2, 5, UINT_MAX};
    unsigned which = calls[chance_below(chance, 8)];
    bool is_full = which == DISK_WRITE && chance_of(chance, 50);
    disk_fail((struct disk_fault){.calls = which,
                                  .first = 1 + chance_below(chance, 8),
                                  .count = counts_of[chance_below(chance, 5)],
                                  .code = is_full ? SQLITE_FULL : 0});
}

static void work(struct workload *workload)
{
    struct chance *chance = &workload->chance;
    for (int round = 0; round < ROUNDS; round++) {
        if (chance_of(chance, 20))
            fail_some(chance);
        else if (chance_of(chance, 30))
            disk_heal();
        workload_round(workload);
        if (chance_of(chance, 50))
            let_time_pass();
        if (chance_of(chance, 50))
            workload_catch_up(workload);
    }
}

static void end_somehow(struct workload *workload)
{
    struct chance *chance = &workload->chance;
    unsigned how = chance_below(chance, 4);
    counts.failures += workload->failures;
    if (how == 0)
        disk_heal();
    if (how < 3)
        disk_cut_power_now();
    workload_close(workload);
    counts.faults += disk_fault_count();
    disk_heal();
    disk_cut_power_now();
    if (chance_of(chance, 50))
        disk_restart();
    else
        disk_restore_power();
}

static void live(struct workload *workload)
{
    counts.lives++;
    workload_open(workload);
    workload_check(workload);
    work(workload);
    end_somehow(workload);
}

static void run_seed(uint64_t seed)
{
    struct workload *workload = workload_new(seed);
    workload->biggest_bytes = 20000;
    for (int life = 0; life < LIVES; life++)
        live(workload);
    counts.acknowledged += workload_end(workload);
}

int main(int argc, char **argv)
{
    unsigned long long count = run_seeds(argc, argv, 100, run_seed);
    printf("%llu seeds, %lu lives: %lu faults, %lu operations failed, %lu were acknowledged, none "
           "of those was lost\n",
           count, counts.lives, counts.faults, counts.failures, counts.acknowledged);
    return end_with_packs(count);
}
