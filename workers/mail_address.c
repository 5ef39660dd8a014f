/* Parsing mailboxes. Any thread; nothing is shared. */
#include "mail_address.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "mail_header.h"

enum { NAME_MAX_BYTES = 320, ADDRESS_MAX = 254, LOCAL_MAX = 64, DOMAIN_MAX = 253, LABEL_MAX = 63 };

static bool is_ascii(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text > 0x7E)
            return false;
    }
    return true;
}

/* Dot-separated words of `allowed` characters beside letters and digits, none of them empty or
 * longer than `longest`. */
static bool is_dotted(const char *text, size_t length, const char *allowed, size_t longest)
{
    size_t word = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '.') {
            if (word == 0)
                return false;
            word = 0;
        } else if (ascii_is_alnum(text[i]) || strchr(allowed, text[i])) {
            if (++word > longest)
                return false;
        } else {
            return false;
        }
    }
    return word > 0;
}

static bool is_local_part(const char *text, size_t length)
{
    return length <= LOCAL_MAX && is_dotted(text, length, "!#$%&'*+-/=?^_`{|}~", LOCAL_MAX);
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" */
static bool is_address_literal(const char *text, size_t length)
{
    static const char six[] = "IPv6:";
    char address[INET6_ADDRSTRLEN + sizeof six];
    if (length < 3 || length - 2 >= sizeof address || text[0] != '[' || text[length - 1] != ']')
        return false;
    memcpy(address, text + 1, length - 2);
    address[length - 2] = '\0';
    struct in6_addr ignored; /* has room for either */
    if (ascii_compare_n(address, six, sizeof six - 1) == 0)
        return inet_pton(AF_INET6, address + sizeof six - 1, &ignored) == 1;
    return inet_pton(AF_INET, address, &ignored) == 1;
}

static bool is_domain(const char *text, size_t length)
{
    if (length > DOMAIN_MAX || !is_dotted(text, length, "-", LABEL_MAX))
        return is_address_literal(text, length);
    for (size_t i = 0; i < length; i++) {
        bool first = i == 0 || text[i - 1] == '.', last = i + 1 == length || text[i + 1] == '.';
        if (text[i] == '-' && (first || last))
            return false;
    }
    return true;
}

/* Check local@domain. */
static int address_check(const char *what, const char *address, ferry_error *error)
{
    const char *at = strrchr(address, '@');
    if (!is_ascii(address))
        return ferry_error_set(error, FERRY_UNSUPPORTED,
                               "%s: %s: addresses beyond ASCII are not supported (write the domain "
                               "in its xn-- form)",
                               what, address);
    if (!at || strlen(address) > ADDRESS_MAX || !is_local_part(address, (size_t)(at - address)) ||
        !is_domain(at + 1, strlen(at + 1)))
        return ferry_error_set(error, FERRY_INVALID, "%s: \"%s\" is not an e-mail address", what,
                               address);
    return 0;
}

/* Copy without the blanks around it. */
static char *copy_trimmed(const char *text, size_t length)
{
    while (length > 0 && text[0] == ' ') {
        text++;
        length--;
    }
    while (length > 0 && text[length - 1] == ' ')
        length--;
    return strndup(text, length);
}

/* Take the quotes off a display name that was written as a quoted string, in place. */
static void unquote(char *name)
{
    size_t length = strlen(name), out = 0;
    if (length < 2 || name[0] != '"' || name[length - 1] != '"')
        return;
    for (size_t i = 1; i < length - 1; i++) {
        if (name[i] == '\\' && i + 1 < length - 1)
            i++;
        name[out++] = name[i];
    }
    name[out] = '\0';
}

/* Cut "name <address>" in two. */
static void split(struct mail_address *parsed, const char *text)
{
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == ' ')
        length--;
    const char *open = memrchr(text, '<', length);
    if (!open || text[length - 1] != '>') {
        parsed->address = copy_trimmed(text, length);
        return;
    }
    parsed->address = strndup(open + 1, (size_t)(text + length - 1 - (open + 1)));
    parsed->name = copy_trimmed(text, (size_t)(open - text));
    if (parsed->name)
        unquote(parsed->name);
    if (parsed->name && !*parsed->name) {
        free(parsed->name);
        parsed->name = NULL;
    }
}

int mail_address_parse(struct mail_address *parsed, const char *what, const char *text,
                       ferry_error *error)
{
    *parsed = (struct mail_address){0};
    if (!mail_header_is_clean(text))
        return ferry_error_set(error, FERRY_INVALID,
                               "%s: control characters or broken UTF-8 in an address", what);
    split(parsed, text);
    int rc = 0;
    if (!parsed->address)
        rc = ferry_error_set(error, FERRY_INTERNAL, "no memory");
    else if (parsed->name && strlen(parsed->name) > NAME_MAX_BYTES)
        rc = ferry_error_set(error, FERRY_INVALID, "%s: a name of more than %d bytes", what,
                             (int)NAME_MAX_BYTES);
    else
        rc = address_check(what, parsed->address, error);
    if (rc < 0)
        mail_address_fini(parsed);
    return rc;
}

void mail_address_fini(struct mail_address *parsed)
{
    free(parsed->name);
    free(parsed->address);
    *parsed = (struct mail_address){0};
}

const char *mail_address_domain(const struct mail_address *parsed)
{
    return strrchr(parsed->address, '@') + 1;
}
