/*
 * The slots of a schedule: the moments at which it is due. No state; any thread.
 *
 * They do not depend on when the server was started: those of `every` are the multiples of it since
 * 1970, those of `cron` what its entry says. So a slot names one run, also across restarts.
 */
#ifndef SERVER_SCHEDULE_SLOTS_H
#define SERVER_SCHEDULE_SLOTS_H

#include "config.h"

/* Missed slots are counted up to here. */
enum { SCHEDULE_MISSED_MAX = 1000 };

/* Return the first slot after a time; INT64_MAX: there is none. */
int64_t schedule_next_slot(const struct config_schedule *schedule, int64_t after_ms);

/* Return the last slot that is not after a time, of those after another; INT64_MIN: there is none.
 */
int64_t schedule_last_slot(const struct config_schedule *schedule, int64_t after_ms,
                           int64_t until_ms);

struct schedule_due {
    int64_t slot_ms;    /* to run now; INT64_MIN: none */
    unsigned missed;    /* came due and are not run */
    int64_t settled_ms; /* to ask with the next time */
    int64_t next_ms;    /* the first one that is due after that, and after now */
};

/*
 * Say what is due, of the slots after `settled_ms`, up to which all have run or been let go. The
 * latest one that came due runs if that was at most `late_ms` ago, or if the schedule makes up for
 * what it missed; one run stands for all.
 */
struct schedule_due schedule_due(const struct config_schedule *schedule, int64_t settled_ms,
                                 int64_t now_ms, int64_t late_ms);

#endif
