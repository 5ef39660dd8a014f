/*
 * libssl's table. It is filled under the lock, once, and never emptied: OpenSSL does not like to be
 * taken down under those who use it.
 */
#include "libssl.h"

#include <dlfcn.h>
#include <pthread.h>

/* Of the headers that this is built with. It brings libssl and libcrypto along, as it names them
 * itself: so all of the table is found from it. */
#define SONAME "libevent_openssl-2.1.so.7"

struct libssl libssl;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_ready;

/* dlsym gives data pointers; POSIX has them hold functions. */
static bool find(void *library, const char *name, void *member)
{
    return (*(void **)member = dlsym(library, name)) != NULL;
}

static const char *load(void)
{
    struct libssl found;
    void *library = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
    bool is_whole = library != NULL;
#define FIND(name) is_whole = is_whole && find(library, #name, &found.name##_);
    LIBSSL_FUNCTIONS(FIND)
#undef FIND
    if (!is_whole)
        return dlerror();
    libssl = found;
    is_ready = true;
    return NULL;
}

const char *libssl_load(void)
{
    pthread_mutex_lock(&lock);
    const char *wrong = is_ready ? NULL : load();
    pthread_mutex_unlock(&lock);
    return wrong;
}

bool libssl_is_loaded(void)
{
    pthread_mutex_lock(&lock);
    bool is_loaded = is_ready;
    pthread_mutex_unlock(&lock);
    return is_loaded;
}
