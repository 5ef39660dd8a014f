/*
 * Fuzzing what else a client writes: forms, percent-encoding, X-Forwarded-For, header values,
 * Authorization.
 *
 * The first byte picks what is read; the rest is texts, with a NUL between them.
 */
#include <arpa/inet.h>

#include "fuzz.h"

#include "credentials.h"
#include "forwarded.h"
#include "header_text.h"
#include "percent.h"

static void form(struct fuzz_input *input)
{
    char *text = fuzz_text(input);
    size_t length = strlen(text);
    form_decode(text);
    FUZZ_CHECK(strlen(text) <= length);
    free(text);
}

/* What is written is read as the same. */
static void percent(struct fuzz_input *input)
{
    char *text = fuzz_text(input);
    struct bytes written = {0};
    percent_encode(&written, text);
    FUZZ_CHECK(percent_is_valid(bytes_text(&written), written.length));
    char *again = malloc(written.length + 1);
    if (!again)
        abort();
    percent_decode(bytes_text(&written), written.length, again);
    FUZZ_CHECK(strcmp(text, again) == 0);
    memcpy(again, bytes_text(&written), written.length + 1);
    form_decode(again);
    FUZZ_CHECK(strcmp(text, again) == 0);
    bytes_fini(&written);
    free(again);
    free(text);
}

static void decode(struct fuzz_input *input)
{
    size_t length = input->left;
    char *text = fuzz_take(input, length), *out = malloc(length + 1);
    if (!out)
        abort();
    if (!memchr(text, '\0', length) && percent_is_valid(text, length)) {
        const char *end = percent_decode(text, length, out);
        FUZZ_CHECK((size_t)(end - out) == strlen(out));
    }
    free(out);
    free(text);
}

/* Whatever is said, the client stays an address. */
static void forwarded(struct fuzz_input *input)
{
    struct trusted trusted = {0};
    char client[INET6_ADDRSTRLEN] = "127.0.0.1";
    struct in6_addr address;
    char *network = fuzz_text(input);
    FUZZ_CHECK(trusted_add(&trusted, "127.0.0.0/8", NULL) == 0);
    FUZZ_CHECK(trusted_add(&trusted, "fd00::/8", NULL) == 0);
    trusted_add(&trusted, network, NULL);
    for (bool is_trusted = true; is_trusted && input->left > 0;) {
        char *value = fuzz_text(input);
        is_trusted = forwarded_follow(&trusted, value, client);
        FUZZ_CHECK(!is_trusted || trusted_has(&trusted, client));
        FUZZ_CHECK(inet_pton(AF_INET, client, &address) == 1 ||
                   inet_pton(AF_INET6, client, &address) == 1);
        free(value);
    }
    trusted_fini(&trusted);
    free(network);
}

static void header(struct fuzz_input *input)
{
    char *name = fuzz_text(input), *value = fuzz_text(input), *token = fuzz_text(input);
    if (header_is_name(name))
        FUZZ_CHECK(*name && !strpbrk(name, " \t\r\n:"));
    if (header_is_value(value))
        FUZZ_CHECK(!strpbrk(value, "\r\n"));
    header_is_framing(name);
    header_has_token(value, token);
    free(token);
    free(value);
    free(name);
}

/* A token lies within the header; a name and a password end. */
static void credentials(struct fuzz_input *input)
{
    char *text = fuzz_text(input);
    struct credentials read;
    credentials_read(&read, text);
    if (read.kind == CREDENTIALS_BEARER)
        FUZZ_CHECK(read.token_length > 0 && read.token_length <= CREDENTIALS_TOKEN_MAX &&
                   read.token > text && read.token + read.token_length <= text + strlen(text));
    if (read.kind == CREDENTIALS_BASIC)
        FUZZ_CHECK(strnlen(read.user, sizeof read.user) < sizeof read.user &&
                   strnlen(read.password, sizeof read.password) < sizeof read.password &&
                   !strchr(read.user, ':'));
    credentials_fini(&read);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(struct fuzz_input *) = {form,      percent, decode,
                                                           forwarded, header,  credentials};
    struct fuzz_input input = {.at = data, .left = size};
    readers[fuzz_byte(&input) % (sizeof readers / sizeof *readers)](&input);
    return 0;
}
