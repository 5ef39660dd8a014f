/*
 * libcurl's table. It is filled under the lock, once, and never emptied: what libcurl has started
 * (its global state, OpenSSL's) cannot be taken down under those who use it.
 */
#include "libcurl.h"

#include <pthread.h>
#include <stdbool.h>

#include "library.h"

#define SONAME "libcurl.so.4" /* of the headers that this is built with, since libcurl 7.16 */

struct libcurl libcurl;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_ready;

#define SYMBOL(name) {#name, offsetof(struct libcurl, name##_)},
static const struct library_symbol symbols[] = {LIBCURL_FUNCTIONS(SYMBOL)};
#undef SYMBOL

static const char *load(void)
{
    struct libcurl found;
    const char *wrong = library_load(SONAME, symbols, sizeof symbols / sizeof *symbols, &found);
    if (wrong)
        return wrong;
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
