/* Secrets and signatures. Any thread; nothing is shared. */
#include "webhook_signature.h"

#include <string.h>

#include "hmac.h"

static int add_secret(struct webhook_secrets *secrets, const char *line, size_t length,
                      ferry_error *error)
{
    static const char prefix[] = "whsec_";
    size_t skipped = sizeof prefix - 1;
    if (secrets->count == WEBHOOK_SECRETS_MAX)
        return ferry_error_set(error, FERRY_INVALID, "more than %d secrets",
                               (int)WEBHOOK_SECRETS_MAX);
    struct bytes *secret = &secrets->list[secrets->count++];
    if (strncmp(line, prefix, skipped) != 0)
        bytes_append(secret, line, length);
    else if (!bytes_append_unbase64(secret, line + skipped, length - skipped) ||
             secret->length == 0)
        return ferry_error_set(error, FERRY_INVALID, "what follows whsec_ is not Base64 (line %zu)",
                               secrets->count);
    if (secret->failed)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    return 0;
}

int webhook_secrets_parse(struct webhook_secrets *secrets, const char *text, ferry_error *error)
{
    *secrets = (struct webhook_secrets){0};
    int rc = 0;
    while (rc == 0 && *text) {
        size_t length = strcspn(text, "\r\n");
        if (length > 0)
            rc = add_secret(secrets, text, length, error);
        text += length;
        text += strspn(text, "\r\n");
    }
    if (rc == 0 && secrets->count == 0)
        rc = ferry_error_set(error, FERRY_INVALID, "there is no secret in it");
    return rc;
}

void webhook_secrets_fini(struct webhook_secrets *secrets)
{
    for (size_t i = 0; i < secrets->count; i++)
        bytes_fini(&secrets->list[i]);
    *secrets = (struct webhook_secrets){0};
}

void webhook_sign(const struct webhook_secrets *secrets, const char *id, const char *timestamp,
                  const void *body, size_t length, struct bytes *out)
{
    struct bytes signed_text = {0};
    unsigned char signature[HMAC_SIZE_MAX];
    bytes_printf(&signed_text, "%s.%s.", id, timestamp);
    bytes_append(&signed_text, body, length);
    out->failed |= signed_text.failed;
    for (size_t i = 0; !out->failed && i < secrets->count; i++) {
        const struct bytes *secret = &secrets->list[i];
        size_t size = hmac_sign(HMAC_HASH_SHA256, secret->data, secret->length, signed_text.data,
                                signed_text.length, signature);
        bytes_append_text(out, i ? " v1," : "v1,");
        bytes_append_base64(out, signature, size);
        out->failed |= size == 0;
    }
    bytes_fini(&signed_text);
}
