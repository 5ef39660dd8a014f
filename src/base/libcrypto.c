/*
 * libcrypto's table. It is filled under the lock, once, and never emptied: OpenSSL does not like to
 * be taken down under those who use it.
 */
#include "libcrypto.h"

#include <dlfcn.h>
#include <pthread.h>

#include <ferry/log.h>

#define SONAME "libcrypto.so.3" /* of the headers that this is built with, since OpenSSL 3.0 */

struct libcrypto libcrypto;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_ready;

/* dlsym gives data pointers; POSIX has them hold functions. */
static bool find(void *library, const char *name, void *member)
{
    return (*(void **)member = dlsym(library, name)) != NULL;
}

static bool load(void)
{
    struct libcrypto found;
    void *library = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
    bool is_whole = library != NULL;
#define FIND(name) is_whole = is_whole && find(library, #name, &found.name##_);
    LIBCRYPTO_FUNCTIONS(FIND)
#undef FIND
    if (is_whole)
        libcrypto = found;
    else
        ferry_log(FERRY_LOG_ERROR, "no digest can be made", "error=%s", dlerror());
    return is_whole;
}

bool libcrypto_load(void)
{
    pthread_mutex_lock(&lock);
    is_ready = is_ready || load();
    bool is_there = is_ready;
    pthread_mutex_unlock(&lock);
    return is_there;
}
