/*
 * libssl's table. It is filled under the lock, once, and never emptied: OpenSSL does not like to be
 * taken down under those who use it.
 */
#include "libssl.h"

#include <pthread.h>

#include "library.h"

/* Of the headers that this is built with. It brings libssl and libcrypto along, as it names them
 * itself: so all of the table is found from it. */
#define SONAME "libevent_openssl-2.1.so.7"

struct libssl libssl;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_ready;

#define SYMBOL(name) {#name, offsetof(struct libssl, name##_)},
static const struct library_symbol symbols[] = {LIBSSL_FUNCTIONS(SYMBOL)};
#undef SYMBOL

static const char *load(void)
{
    struct libssl found;
    const char *wrong = library_load(SONAME, symbols, sizeof symbols / sizeof *symbols, &found);
    if (wrong)
        return wrong;
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
