/*
 * Cores: the scheduler's affinity, and the CPU quota of cgroups of both versions.
 *
 * A quota is so much time in each period. Any group on the way from ours to the root may have one,
 * and the least of them counts. In a container the path that the kernel names may be the host's and
 * not to be seen: what is there is then read, which is the mounted root at least.
 */
#include "cores.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"

enum { FILE_BYTES = 64 << 10 };

/* Of a version of cgroups: where its groups are mounted, and how one's quota is read. */
struct hierarchy {
    const char *mount;
    unsigned (*quota)(const char *folder);
};

/* Read FOLDER/NAME; empty without it. */
static void file_read(struct bytes *text, const char *folder, const char *name)
{
    struct bytes path = {0};
    bytes_printf(&path, "%s/%s", folder, name);
    if (path.failed || bytes_read_file(text, bytes_text(&path), FILE_BYTES, NULL) < 0)
        bytes_clear(text);
    bytes_fini(&path);
}

/* Rounded up; 0: there is no quota. */
static unsigned cores_of(long long quota_us, long long period_us)
{
    if (quota_us <= 0 || period_us <= 0)
        return 0;
    long long cores = quota_us / period_us + (quota_us % period_us > 0);
    return cores < UINT_MAX ? (unsigned)cores : UINT_MAX;
}

/* "QUOTA PERIOD", or "max PERIOD". */
static unsigned quota_v2(const char *folder)
{
    struct bytes text = {0};
    char *end;
    file_read(&text, folder, "cpu.max");
    long long quota_us = strtoll(bytes_text(&text), &end, 10);
    unsigned cores = cores_of(quota_us, strtoll(end, NULL, 10));
    bytes_fini(&text);
    return cores;
}

static long long number_read(const char *folder, const char *name)
{
    struct bytes text = {0};
    file_read(&text, folder, name);
    long long number = strtoll(bytes_text(&text), NULL, 10);
    bytes_fini(&text);
    return number;
}

/* Without a quota it is -1. */
static unsigned quota_v1(const char *folder)
{
    return cores_of(number_read(folder, "cpu.cfs_quota_us"),
                    number_read(folder, "cpu.cfs_period_us"));
}

static unsigned lesser(unsigned cores, unsigned others)
{
    return others == 0 || (cores > 0 && cores < others) ? cores : others;
}

/* The least quota of a group and of those above it. `path` is cut short. */
static unsigned quota_of_groups(const struct hierarchy *hierarchy, const char *root, char *path)
{
    struct bytes folder = {0};
    unsigned least = 0;
    for (char *cut = path; cut;) {
        bytes_clear(&folder);
        bytes_printf(&folder, "%s%s%s", root, hierarchy->mount, path);
        least = lesser(hierarchy->quota(bytes_text(&folder)), least);
        cut = strrchr(path, '/');
        if (cut)
            *cut = '\0';
    }
    bytes_fini(&folder);
    return least;
}

static bool names_cpu(char *controllers)
{
    for (char *name; (name = strsep(&controllers, ","));) {
        if (strcmp(name, "cpu") == 0)
            return true;
    }
    return false;
}

unsigned cores_quota(const char *root)
{
    static const struct hierarchy v1 = {"/sys/fs/cgroup/cpu", quota_v1};
    static const struct hierarchy v2 = {"/sys/fs/cgroup", quota_v2};
    struct bytes text = {0};
    unsigned least = 0;
    file_read(&text, root, "proc/self/cgroup");
    char *rest = text.data;
    for (char *line; (line = strsep(&rest, "\n"));) { /* ID:CONTROLLERS:PATH */
        strsep(&line, ":");
        char *controllers = strsep(&line, ":");
        if (!line)
            continue;
        const bool is_v2 = *controllers == '\0';
        if (is_v2 || names_cpu(controllers))
            least = lesser(quota_of_groups(is_v2 ? &v2 : &v1, root, line), least);
    }
    bytes_fini(&text);
    return least;
}

static unsigned cores_allowed(void)
{
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) == 0)
        return (unsigned)CPU_COUNT(&cores);
    long online = sysconf(_SC_NPROCESSORS_ONLN); /* there are more than the set has room for */
    return online > 0 ? (unsigned)online : 1;
}

unsigned cores_usable(void)
{
    return lesser(cores_allowed(), cores_quota(""));
}
