/*
 * libcurl's table. It is filled under the lock, once, and never emptied: what libcurl has started
 * (its global state, OpenSSL's) cannot be taken down under those who use it.
 */
#include "libcurl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>

#define SONAME "libcurl.so.4" /* of the headers that this is built with, since libcurl 7.16 */

struct libcurl libcurl;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_ready;

/* dlsym gives data pointers; POSIX has them hold functions. */
static bool find(void *library, const char *name, void *member)
{
    return (*(void **)member = dlsym(library, name)) != NULL;
}

static const char *load(void)
{
    struct libcurl found;
    void *library = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
    bool is_whole = library != NULL;
#define FIND(name) is_whole = is_whole && find(library, #name, &found.name##_);
    LIBCURL_FUNCTIONS(FIND)
#undef FIND
    if (!is_whole)
        return dlerror();
    if (found.curl_global_init_(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return "it does not start";
    libcurl = found;
    is_ready = true;
    return NULL;
}

const char *libcurl_load(void)
{
    pthread_mutex_lock(&lock);
    const char *wrong = is_ready ? NULL : load();
    pthread_mutex_unlock(&lock);
    return wrong;
}
