/*
 * Power cuts: what the store has acknowledged is there afterwards.
 *
 *   fault_power_cuts [COUNT [FIRST]]    so many seeds, from FIRST on; or one, of FERRY_SEED
 *
 * A seed is a workload of several lives on a disk in memory. Each life ends in a cut of the power,
 * at any write, sync, truncation or deletion: while it opens (which makes or migrates the database
 * and ends interrupted attempts), works, checkpoints or closes. Of what was not synced, chance
 * keeps some. Each next life starts on what is left, and compares it with the ledger.
 */

#include "seeds.h"

enum { LIVES = 3, ROUNDS = 14, CLOSING_CHANGES = 8, AFTER_FLOOD = 40 };

static struct {
    unsigned long lives, opening, working, closing; /* when the power was cut */
    unsigned long acknowledged;
} counts;

static void cut_power_some_time(struct chance *chance)
{
    static const unsigned within[] = {60, 300, 1000, 5000}; /* opening takes up to 60 */
    disk_cut_power_at(1 + chance_below(chance, within[chance_below(chance, 4)]));
}

/* Returns whether the power held. */
static bool work(struct workload *workload)
{
    for (int round = 0; round < ROUNDS && disk_has_power(); round++) {
        workload_round(workload);
        if (workload->failures > 0 && disk_has_power())
            workload_fail(workload, "an operation failed without a cause", "");
    }
    return disk_has_power();
}

static void close_somehow(struct workload *workload)
{
    struct chance *chance = &workload->chance;
    disk_cut_power_at(0);
    if (chance_of(chance, 25))
        disk_cut_power_now(); /* between two changes, nothing is on its way */
    else
        disk_cut_power_at(1 + chance_below(chance, CLOSING_CHANGES));
    workload_close(workload);
    disk_cut_power_now();
}

static void live_until_cut(struct workload *workload)
{
    counts.lives++;
    cut_power_some_time(&workload->chance);
    if (workload_open(workload) < 0) {
        counts.opening++;
        workload_close(workload);
        return;
    }
    if (disk_has_power())
        workload_check(workload); /* which changes nothing */
    if (work(workload)) {
        counts.closing++;
        close_somehow(workload);
    } else {
        counts.working++;
        workload_close(workload);
    }
}

static void run_seed(uint64_t seed)
{
    struct workload *workload = workload_new(seed);
    workload->biggest_bytes = chance_of(&workload->chance, 15) ? 600000 : 20000;
    workload->after_flood = AFTER_FLOOD;
    if (chance_of(&workload->chance, 25))
        workload_start_old(workload);
    for (int life = 0; life < LIVES; life++) {
        live_until_cut(workload);
        disk_restore_power();
    }
    counts.acknowledged += workload_end(workload);
}

int main(int argc, char **argv)
{
    unsigned long long count = run_seeds(argc, argv, 300, run_seed);
    printf("%llu seeds, %lu lives ended by a cut: %lu opening, %lu working, %lu closing; %lu "
           "operations acknowledged, none lost\n",
           count, counts.lives, counts.opening, counts.working, counts.closing,
           counts.acknowledged);
    return end_with_packs(count);
}
