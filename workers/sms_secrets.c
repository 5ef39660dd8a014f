/*
 * Secrets. Filled by open, only read afterwards: any thread. So is the environment: nothing in
 * ferry changes it.
 */
#include "sms_secrets.h"

#include <stdlib.h>
#include <string.h>

static int add_line(struct sms_secrets *secrets, const char *line, size_t length, size_t number,
                    ferry_error *error)
{
    const char *equals = memchr(line, '=', length);
    if (!equals || equals == line)
        return ferry_error_set(error, FERRY_INVALID, "line %zu is not of the form NAME=VALUE",
                               number); /* and is not shown: it may be a secret */
    bytes_append(&secrets->text, line, length);
    bytes_append_char(&secrets->text, '\0');
    if (secrets->text.failed)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    return 0;
}

int sms_secrets_parse(struct sms_secrets *secrets, const char *text, ferry_error *error)
{
    int rc = 0;
    for (size_t number = 1; rc == 0 && *text; number++) {
        size_t length = strcspn(text, "\n"), end = length;
        if (end > 0 && text[end - 1] == '\r')
            end--;
        if (end > 0 && *text != '#')
            rc = add_line(secrets, text, end, number, error);
        text += length + (text[length] == '\n');
    }
    return rc;
}

void sms_secrets_fini(struct sms_secrets *secrets)
{
    bytes_fini(&secrets->text);
}

const char *sms_secrets_find(const struct sms_secrets *secrets, const char *name)
{
    size_t length = strlen(name);
    const char *line = bytes_text(&secrets->text), *end = line + secrets->text.length;
    for (; line != end; line += strlen(line) + 1) {
        if (strncmp(line, name, length) == 0 && line[length] == '=')
            return line + length + 1;
    }
    return getenv(name);
}
