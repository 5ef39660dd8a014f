/*
 * Makes one call of the process that it is preloaded into fail: the n-th one of a function.
 *
 *     LD_PRELOAD=injector.so FERRY_FAULT=malloc:17 FERRY_FAULT_PAGE=FILE
 *
 * FILE is mapped by the process and by whoever tortures it (struct page): calls are counted while
 * it is armed, from any thread. What the process starts is left alone. FERRY_FAULT=malloc:0 counts
 * only.
 *
 * An errno is one that the kernel or libc may well give for that call. Calls that cannot fail in
 * a process that is sound are not counted: those on an eventfd, and taking away from an epoll set.
 * Nor are lines of the log, which may always be lost.
 *
 * LeakSanitizer does not work where malloc is replaced: leaks are looked for elsewhere.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REPLACES __attribute__((visibility("default")))

struct page {
    atomic_uint armed;
    atomic_uint count;
    atomic_uint failed;
};

static struct page *page;
static char function[32];
static unsigned long number;
static int (*real_pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

__attribute__((constructor)) static void injector_init(void)
{
    const char *fault = getenv("FERRY_FAULT"), *path = getenv("FERRY_FAULT_PAGE");
    const char *colon = fault ? strchr(fault, ':') : NULL;
    *(void **)&real_pthread_create = dlsym(RTLD_NEXT, "pthread_create");
    if (!colon || !path || (size_t)(colon - fault) >= sizeof function)
        return;
    memcpy(function, fault, (size_t)(colon - fault));
    number = strtoul(colon + 1, NULL, 10);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    void *memory = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (memory != MAP_FAILED)
        page = memory;
    unsetenv("LD_PRELOAD");
}

/* Count a call, and tell whether it is the one that fails. */
static bool fails(const char *name)
{
    if (!page || strcmp(name, function) != 0 || !atomic_load(&page->armed))
        return false;
    if (atomic_fetch_add(&page->count, 1) + 1 != number)
        return false;
    atomic_store(&page->failed, 1);
    return true;
}

/* The same for reading and writing; sets errno. */
static bool io_fails(const char *name, int fd)
{
    int before = errno;
    struct stat status;
    bool counts = page && strcmp(name, function) == 0 && fstat(fd, &status) == 0 &&
                  (S_ISREG(status.st_mode) || S_ISSOCK(status.st_mode));
    errno = before;
    if (!counts || !fails(name))
        return false;
    errno = S_ISSOCK(status.st_mode) ? ECONNRESET : EIO;
    return true;
}

static bool fails_with(const char *name, int reason)
{
    if (!fails(name))
        return false;
    errno = reason;
    return true;
}

/* ---- memory ---- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

REPLACES void *malloc(size_t size)
{
    return fails_with("malloc", ENOMEM) ? NULL : __libc_malloc(size);
}

REPLACES void *calloc(size_t count, size_t size)
{
    return fails_with("calloc", ENOMEM) ? NULL : __libc_calloc(count, size);
}

REPLACES void *realloc(void *memory, size_t size)
{
    return fails_with("realloc", ENOMEM) ? NULL : __libc_realloc(memory, size);
}

/* ---- files and sockets ---- */

REPLACES ssize_t read(int fd, void *data, size_t length)
{
    return io_fails("read", fd) ? -1 : syscall(SYS_read, fd, data, length);
}

REPLACES ssize_t recv(int fd, void *data, size_t length, int flags)
{
    return io_fails("recv", fd) ? -1 : syscall(SYS_recvfrom, fd, data, length, flags, NULL, NULL);
}

REPLACES ssize_t write(int fd, const void *data, size_t length)
{
    return io_fails("write", fd) ? -1 : syscall(SYS_write, fd, data, length);
}

REPLACES ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    return io_fails("sendmsg", fd) ? -1 : syscall(SYS_sendmsg, fd, message, flags);
}

REPLACES int fsync(int fd)
{
    return io_fails("fsync", fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

REPLACES int fdatasync(int fd)
{
    return io_fails("fdatasync", fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

static int open_file(const char *path, int flags, mode_t mode)
{
    return fails_with("open", EMFILE) ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

REPLACES int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return open_file(path, flags, mode);
}

REPLACES int open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return open_file(path, flags, mode);
}

REPLACES int accept4(int fd, __SOCKADDR_ARG address, socklen_t *restrict length, int flags)
{
    return fails_with("accept4", EMFILE)
               ? -1
               : (int)syscall(SYS_accept4, fd, address.__sockaddr__, length, flags);
}

REPLACES int epoll_ctl(int set, int operation, int fd, struct epoll_event *event)
{
    if (operation != EPOLL_CTL_DEL && fails_with("epoll_ctl", ENOMEM))
        return -1;
    return (int)syscall(SYS_epoll_ctl, set, operation, fd, event);
}

/* ---- threads ---- */

REPLACES int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes,
                            void *(*start)(void *), void *restrict arg)
{
    return fails("pthread_create") ? EAGAIN : real_pthread_create(thread, attributes, start, arg);
}
