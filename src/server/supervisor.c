/*
 * News for a supervisor: one datagram each, to the socket that it has named in the environment. No
 * state; any thread.
 */
#include "supervisor.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bytes.h"
#include "clock.h"

/* Returns the length of the address, 0 if there is none. */
static socklen_t supervisor_address(struct sockaddr_un *address)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t length = path ? strlen(path) : 0;
    if (length < 2 || length >= sizeof address->sun_path || !strchr("/@", *path))
        return 0;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, path, length);
    if (*path == '@') /* an abstract one */
        address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

void supervisor_tell(enum supervisor_news news)
{
    static const char *const texts[] = {"READY=1\n", "RELOADING=1\n", "STOPPING=1\n"};
    struct sockaddr_un address;
    socklen_t length = supervisor_address(&address);
    int fd = length > 0 ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
    if (fd < 0)
        return;
    struct bytes text = {0};
    bytes_printf(&text, "%sMONOTONIC_USEC=%lld\n", texts[news], (long long)clock_monotonic_us());
    sendto(fd, bytes_text(&text), text.length, MSG_NOSIGNAL, (struct sockaddr *)&address, length);
    bytes_fini(&text);
    close(fd);
}
