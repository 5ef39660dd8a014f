/*
 * libcrypto's table. It is filled under the lock, once, and never emptied: OpenSSL does not like to
 * be taken down under those who use it.
 */
#include "libcrypto.h"

#include <pthread.h>

#include <ferry/log.h>

#include "library.h"

#define SONAME "libcrypto.so.3" /* of the headers that this is built with, since OpenSSL 3.0 */

struct libcrypto libcrypto;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_ready;

#define SYMBOL(name) {#name, offsetof(struct libcrypto, name##_)},
static const struct library_symbol symbols[] = {LIBCRYPTO_FUNCTIONS(SYMBOL)};
#undef SYMBOL

static bool load(void)
{
    struct libcrypto found;
    const char *wrong = library_load(SONAME, symbols, sizeof symbols / sizeof *symbols, &found);
    if (wrong)
        ferry_log(FERRY_LOG_ERROR, "no digest can be made, and no certificate be read", "error=%s",
                  wrong);
    else
        libcrypto = found;
    return !wrong;
}

bool libcrypto_load(void)
{
    pthread_mutex_lock(&lock);
    is_ready = is_ready || load();
    bool is_there = is_ready;
    pthread_mutex_unlock(&lock);
    return is_there;
}
