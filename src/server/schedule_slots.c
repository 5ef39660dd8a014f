/* The slots of a schedule. No state; any thread. */
#include "schedule_slots.h"

static int64_t floor_to(int64_t ms, int64_t every_ms)
{
    return (ms / every_ms - (ms % every_ms < 0)) * every_ms;
}

int64_t schedule_next_slot(const struct config_schedule *schedule, int64_t after_ms)
{
    if (schedule->every_ms > 0)
        return floor_to(after_ms, schedule->every_ms) + schedule->every_ms;
    return cron_next(&schedule->cron, schedule->zone, after_ms);
}

/* Cron is only known forwards. Look at stretches before the end, each longer than the one before:
 * where a short one holds none, a longer one does not hold too many to go through. */
static int64_t last_of_cron(const struct config_schedule *schedule, int64_t after_ms,
                            int64_t until_ms)
{
    static const int64_t stretches_ms[] = {60000, 3600000, 86400000, INT64_C(32) * 86400000};
    for (size_t i = 0; i <= sizeof stretches_ms / sizeof stretches_ms[0]; i++) {
        bool is_all = i == sizeof stretches_ms / sizeof stretches_ms[0] ||
                      after_ms >= until_ms - stretches_ms[i];
        int64_t last_ms = INT64_MIN;
        int64_t next_ms =
            schedule_next_slot(schedule, is_all ? after_ms : until_ms - stretches_ms[i]);
        for (; next_ms <= until_ms; next_ms = schedule_next_slot(schedule, next_ms))
            last_ms = next_ms;
        if (last_ms != INT64_MIN || is_all)
            return last_ms;
    }
    return INT64_MIN;
}

int64_t schedule_last_slot(const struct config_schedule *schedule, int64_t after_ms,
                           int64_t until_ms)
{
    if (schedule->every_ms == 0)
        return last_of_cron(schedule, after_ms, until_ms);
    int64_t slot_ms = floor_to(until_ms, schedule->every_ms);
    return slot_ms > after_ms ? slot_ms : INT64_MIN;
}

/* Count the slots between two times, the second one excluded. */
static unsigned count_slots(const struct config_schedule *schedule, int64_t after_ms,
                            int64_t before_ms)
{
    unsigned count = 0;
    int64_t next_ms = schedule_next_slot(schedule, after_ms);
    for (; next_ms < before_ms && count < SCHEDULE_MISSED_MAX; count++)
        next_ms = schedule_next_slot(schedule, next_ms);
    return count;
}

struct schedule_due schedule_due(const struct config_schedule *schedule, int64_t settled_ms,
                                 int64_t now_ms, int64_t late_ms)
{
    int64_t last_ms = schedule_last_slot(schedule, settled_ms, now_ms);
    struct schedule_due due = {
        .slot_ms = INT64_MIN,
        .settled_ms = settled_ms,
        .next_ms = schedule_next_slot(schedule, now_ms > settled_ms ? now_ms : settled_ms),
    };
    if (last_ms == INT64_MIN)
        return due;
    due.settled_ms = last_ms;
    if (schedule->missed == MISSED_ONCE || now_ms - last_ms <= late_ms)
        due.slot_ms = last_ms;
    due.missed =
        count_slots(schedule, settled_ms, due.slot_ms == INT64_MIN ? last_ms + 1 : last_ms);
    return due;
}
