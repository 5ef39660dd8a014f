/* The keys that are held. Loop thread. A key's name in the table is its route, a NUL and itself. */
#include "held_key.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct held_key {
    UT_hash_handle hh;
    unsigned char fingerprint[JOB_FINGERPRINT_BYTES];
    size_t length;
    char name[];
};

static struct held_key *make(const char *route, const char *key)
{
    size_t route_size = strlen(route) + 1, key_size = strlen(key) + 1;
    struct held_key *made = calloc(1, sizeof *made + route_size + key_size);
    if (!made)
        return NULL;
    made->length = route_size + key_size;
    memcpy(made->name, route, route_size);
    memcpy(made->name + route_size, key, key_size);
    return made;
}

struct held_key *held_key_new(struct held_keys *keys, const char *route, const char *key,
                              const unsigned char fingerprint[JOB_FINGERPRINT_BYTES],
                              ferry_error *error)
{
    struct held_key *made = make(route, key), *held = NULL;
    if (made) {
        HASH_FIND(hh, keys->first, made->name, made->length, held);
        if (!held)
            HASH_ADD_KEYPTR(hh, keys->first, made->name, made->length, made);
    }
    if (made && !held && made->hh.tbl) {
        memcpy(made->fingerprint, fingerprint, JOB_FINGERPRINT_BYTES);
        return made;
    }
    free(made);
    if (!held)
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
    else if (memcmp(held->fingerprint, fingerprint, JOB_FINGERPRINT_BYTES) != 0)
        ferry_error_set(error, FERRY_UNPROCESSABLE,
                        "Idempotency-Key: another request was sent with this key");
    else
        ferry_error_set(error, FERRY_CONFLICT,
                        "Idempotency-Key: a request with this key is being answered");
    return NULL;
}

void held_key_free(struct held_keys *keys, struct held_key *key)
{
    if (!key)
        return;
    HASH_DELETE(hh, keys->first, key);
    free(key);
}
