/* Proven passwords. No state of its own. */
#include "proven.h"

#include <stdlib.h>
#include <string.h>

#include "random.h"

enum { SET = 4 };

void proven_init(struct proven *proven)
{
    memset(proven, 0, sizeof *proven);
    random_bytes(proven->key, sizeof proven->key);
}

bool proven_digest(const struct proven *proven, const char *user, const char *hash,
                   const char *password, struct proven_digest *digest)
{
    size_t user_size = strlen(user) + 1, hash_size = strlen(hash) + 1; /* NULs keep them apart */
    size_t size = user_size + hash_size + strlen(password);
    unsigned char *text = malloc(size);
    if (!text)
        return false;
    memcpy(text, user, user_size);
    memcpy(text + user_size, hash, hash_size);
    memcpy(text + user_size + hash_size, password, size - user_size - hash_size);
    bool is_made = digest_make_keyed(proven->key, text, size, digest->bytes);
    explicit_bzero(text, size);
    free(text);
    return is_made;
}

/* The places in which a digest may stand. Its bytes are as good as chance. */
static size_t first_place(const struct proven_digest *digest)
{
    size_t number = (size_t)digest->bytes[0] | (size_t)digest->bytes[1] << 8;
    return number % (PROVEN_PLACES / SET) * SET;
}

bool proven_has(const struct proven *proven, const struct proven_digest *digest)
{
    const struct proven_digest *set = &proven->places[first_place(digest)];
    bool has = false;
    for (size_t i = 0; i < SET; i++)
        has |= digest_is_same(&set[i], digest, sizeof *digest);
    return has;
}

void proven_add(struct proven *proven, const struct proven_digest *digest)
{
    static const struct proven_digest free_place;
    size_t first = first_place(digest), i = 0;
    while (i < SET && memcmp(&proven->places[first + i], &free_place, sizeof free_place) != 0)
        i++;
    if (i == SET)
        i = digest->bytes[2] % SET;
    proven->places[first + i] = *digest;
}
