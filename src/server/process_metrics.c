/*
 * Metrics of the process, from getrusage(2) and /proc/self, read when somebody scrapes; and the
 * loop's lag. Loop thread.
 */
#include "process_metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ferry/log.h>
#include <ferry/version.h>

#include "clock.h"
#include "lane.h"
#include "log_stderr.h"

enum { LAG_INTERVAL_MS = 100, LAG_WARN_MS = 100 };

static double read_cpu(void *arg)
{
    (void)arg;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* A field of /proc/self/statm, in bytes: 0 the virtual size, 1 the resident one. */
static double read_memory(int field)
{
    long pages[2] = {0, 0};
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    if (fscanf(file, "%ld %ld", &pages[0], &pages[1]) != 2)
        pages[field] = 0;
    fclose(file);
    return (double)pages[field] * (double)sysconf(_SC_PAGESIZE);
}

static double read_virtual(void *arg)
{
    (void)arg;
    return read_memory(0);
}

static double read_resident(void *arg)
{
    (void)arg;
    return read_memory(1);
}

static double read_open_fds(void *arg)
{
    (void)arg;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return 0;
    int count = -3; /* "." and "..", and the folder itself */
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static double read_max_fds(void *arg)
{
    (void)arg;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    return (double)limit.rlim_cur;
}

static double read_start_time(void *arg)
{
    (void)arg;
    static double started;
    if (started == 0)
        started = (double)clock_wall_ms() / 1000;
    return started;
}

static double read_log_dropped(void *arg)
{
    (void)arg;
    return (double)log_stderr_dropped();
}

static double read_worker_processes(void *arg)
{
    (void)arg;
    return lane_counts().running;
}

static double read_crashed_processes(void *arg)
{
    (void)arg;
    return (double)lane_counts().crashed;
}

static double read_killed_processes(void *arg)
{
    (void)arg;
    return (double)lane_counts().killed;
}

static double read_one(void *arg)
{
    (void)arg;
    return 1;
}

void process_metrics_register(struct metrics *metrics)
{
    static const char process_ends_help[] =
        "Processes of isolated workers that ended by themselves, or were killed as their call did "
        "not end.";
    read_start_time(NULL);
    metrics_counter_read(metrics, "ferry_log_dropped_total",
                         "Log lines dropped because standard error took no more.", "",
                         read_log_dropped, NULL);
    metrics_gauge(metrics, "ferry_worker_processes", "Processes of isolated workers.", "",
                  read_worker_processes, NULL);
    metrics_counter_read(metrics, "ferry_worker_process_ends_total", process_ends_help,
                         "reason=\"crashed\"", read_crashed_processes, NULL);
    metrics_counter_read(metrics, "ferry_worker_process_ends_total", process_ends_help,
                         "reason=\"killed\"", read_killed_processes, NULL);
    metrics_counter_read(metrics, "process_cpu_seconds_total", "User and system CPU time.", "",
                         read_cpu, NULL);
    metrics_gauge(metrics, "process_virtual_memory_bytes", "Virtual memory size.", "", read_virtual,
                  NULL);
    metrics_gauge(metrics, "process_resident_memory_bytes", "Resident memory size.", "",
                  read_resident, NULL);
    metrics_gauge(metrics, "process_open_fds", "Open file descriptors.", "", read_open_fds, NULL);
    metrics_gauge(metrics, "process_max_fds", "The limit of open file descriptors.", "",
                  read_max_fds, NULL);
    metrics_gauge(metrics, "process_start_time_seconds", "Start time since 1970.", "",
                  read_start_time, NULL);
    metrics_gauge(metrics, "ferry_build_info", "The version that runs; always 1.",
                  "version=\"" FERRY_VERSION "\"", read_one, NULL);
}

/* ---- the loop's lag ---- */

static void lag_wait(struct loop_lag *lag);

static void on_lag_timer(void *arg)
{
    struct loop_lag *lag = arg;
    int64_t late_us = clock_monotonic_us() - lag->due_us;
    metrics_observe_us(lag->seconds, late_us > 0 ? late_us : 0);
    if (late_us > INT64_C(1000) * LAG_WARN_MS)
        ferry_log(FERRY_LOG_WARN, "the loop was held up", "lag_ms=%lld",
                  (long long)(late_us / 1000));
    lag_wait(lag);
}

static void lag_wait(struct loop_lag *lag)
{
    lag->due_us = clock_monotonic_us() + INT64_C(1000) * LAG_INTERVAL_MS;
    lag->timer = ferry_loop_call_later(lag->loop, LAG_INTERVAL_MS, on_lag_timer, lag);
}

void loop_lag_start(struct loop_lag *lag, ferry_loop *loop, struct metrics *metrics)
{
    lag->loop = loop;
    lag->seconds = metrics_histogram(metrics, "ferry_loop_lag_seconds",
                                     "How late the loop came to a timer.", "");
    if (lag->seconds)
        lag_wait(lag);
}

void loop_lag_stop(struct loop_lag *lag)
{
    ferry_loop_cancel(lag->loop, lag->timer);
}
