/*
 * Descriptors. Connections must not take those that the database, its journal, the admin listener
 * and workers need, so their limit leaves some; at that limit connections make room for others,
 * while without descriptors nobody gets in at all.
 */
#include "descriptors.h"

#include <sys/resource.h>

#include <ferry/log.h>

enum { BESIDE_CONNECTIONS = 256 };

void descriptors_raise(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max; /* 1024 almost everywhere, for programs that use select(2) */
    setrlimit(RLIMIT_NOFILE, &limit);
}

void descriptors_fit(ferry_http_options *limits)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t half = limit.rlim_cur / 2;
    rlim_t room = limit.rlim_cur - (half < BESIDE_CONNECTIONS ? half : BESIDE_CONNECTIONS);
    if (room >= limits->connections)
        return;
    ferry_log(FERRY_LOG_WARN, "fewer file descriptors than connections",
              "descriptors=%llu connections=%u lowered_to=%llu hint=%s",
              (unsigned long long)limit.rlim_cur, limits->connections, (unsigned long long)room,
              "raise ulimit -n, or lower limits.connections");
    limits->connections = (unsigned)room;
}
