/*
 * Credentials. No state. What was decoded is wiped when it is not needed any more, so that it does
 * not stand in a core dump.
 */
#include "credentials.h"

#include <string.h>

#include "ascii.h"

static const char token_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                    "0123456789-._~+/";

/* Return what follows a scheme and its blanks, NULL if it is another one. */
static const char *after_scheme(const char *header, const char *scheme)
{
    size_t length = strlen(scheme);
    if (ascii_compare_n(header, scheme, length) != 0 || (header[length] && header[length] != ' '))
        return NULL;
    return header + length + strspn(header + length, " ");
}

/* ---- bearer ---- */

static void read_bearer(struct credentials *credentials, const char *text)
{
    size_t length = strspn(text, token_letters);
    size_t padding = strspn(text + length, "=");
    if (length == 0 || text[length + padding] || length + padding > CREDENTIALS_TOKEN_MAX)
        return;
    credentials->kind = CREDENTIALS_BEARER;
    credentials->token = text;
    credentials->token_length = length + padding;
}

/* ---- basic ---- */

static int base64_value(char c)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(letters, c) : NULL;
    return at ? (int)(at - letters) : -1;
}

/* Decode into `out`, NUL-terminated. Returns the length, or 0 when it is malformed, or too long. */
static size_t base64_decode(const char *text, char *out, size_t size)
{
    unsigned bits = 0;
    size_t count = 0, length = 0;
    for (; base64_value(*text) >= 0; text++) {
        bits = bits << 6 | (unsigned)base64_value(*text);
        if (count++ % 4 == 0)
            continue;
        if (length + 1 >= size)
            return 0;
        out[length++] = (char)(bits >> (6 - 2 * ((count - 1) % 4)) & 0xff);
    }
    size_t padding = strspn(text, "=");
    if (text[padding] || padding > 2 || count % 4 == 1 || (padding && (count + padding) % 4 != 0))
        return 0;
    out[length] = '\0';
    return length;
}

static void read_basic(struct credentials *credentials, const char *text)
{
    char pair[2 * CREDENTIALS_PASSWORD_MAX];
    size_t length = base64_decode(text, pair, sizeof pair);
    char *colon = length > 0 && strlen(pair) == length ? strchr(pair, ':') : NULL;
    size_t user = colon ? (size_t)(colon - pair) : 0;
    if (colon && user > 0 && user < CREDENTIALS_PASSWORD_MAX &&
        length - user - 1 < CREDENTIALS_PASSWORD_MAX) {
        credentials->kind = CREDENTIALS_BASIC;
        memcpy(credentials->user, pair, user);
        memcpy(credentials->password, colon + 1, length - user - 1);
    }
    explicit_bzero(pair, sizeof pair);
}

void credentials_read(struct credentials *credentials, const char *header)
{
    memset(credentials, 0, sizeof *credentials);
    const char *bearer = header ? after_scheme(header, "Bearer") : NULL;
    const char *basic = header ? after_scheme(header, "Basic") : NULL;
    if (!bearer && !basic)
        return;
    credentials->kind = CREDENTIALS_BROKEN;
    if (bearer)
        read_bearer(credentials, bearer);
    else
        read_basic(credentials, basic);
}

void credentials_fini(struct credentials *credentials)
{
    explicit_bzero(credentials, sizeof *credentials);
}
