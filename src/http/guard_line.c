/*
 * The guard's request line: method, target, version.
 *
 * A target is what RFC 9112 allows, and the few characters more that browsers leave unescaped. One
 * that begins with two slashes could be taken for a host: its first segment must be plain.
 * Verdicts on the method and the version wait for the end of the line.
 */
#include "guard_parts.h"

static guard_known methods[] = {"GET",     "POST", "PUT",   "PATCH",  "DELETE",
                                "OPTIONS", "HEAD", "TRACE", "CONNECT"};
_Static_assert(sizeof methods / sizeof *methods == GUARD_METHOD_COUNT, "a name for each");

static guard_known schemes[] = {"http://", "https://"};
enum { SCHEME_COUNT = sizeof schemes / sizeof *schemes };

enum { MINOR_PLACE = sizeof "HTTP/0." - 1 };

/* ---- before it, and the method ---- */

static void method_end(struct guard *guard, char c)
{
    if (c != ' ') {
        guard_refuse(guard, 400, "the method is malformed");
        return;
    }
    guard->method = (unsigned char)guard_word_find(&guard->word, methods, GUARD_METHOD_COUNT);
    guard->state = guard->method == GUARD_CONNECT ? STATE_TUNNEL : STATE_TARGET;
}

static size_t method_take(struct guard *guard, const char *data, size_t length)
{
    size_t n = guard_word_pass(&guard->word, data, length);
    if (n < length)
        method_end(guard, data[n++]);
    return n;
}

static size_t start_take(struct guard *guard, const char *data, size_t length)
{
    if (guard_is(*data, CLASS_TOKEN)) {
        guard->state = STATE_METHOD;
        guard_word_start(&guard->word);
        return method_take(guard, data, length);
    }
    if (*data == '\r')
        guard->state = STATE_START_LF;
    else
        guard_refuse(guard, 400, "a request begins with a method");
    return 1;
}

/* ---- the target ---- */

static void scheme_take(struct guard *guard, char c)
{
    guard_word_take(&guard->word, ascii_lower(c));
    if (!guard_word_begins(&guard->word, schemes, SCHEME_COUNT)) {
        guard_refuse(guard, 400, "the target is neither a path nor an http or https URL");
    } else if (guard_word_find(&guard->word, schemes, SCHEME_COUNT) < SCHEME_COUNT) {
        guard->state = STATE_AUTHORITY;
        guard->is_absolute = true;
        guard_host_start(&guard->host);
    }
}

static void target_start(struct guard *guard, char c)
{
    if (c == '/') {
        guard->state = STATE_FIRST_SLASH;
    } else if (c == '*') {
        guard->state = STATE_ASTERISK;
        guard->is_asterisk = true;
    } else {
        guard->state = STATE_SCHEME;
        guard_word_start(&guard->word);
        scheme_take(guard, c);
    }
}

/* What may follow a path. */
static void path_end(struct guard *guard, char c)
{
    if (c == '?')
        guard->state = STATE_QUERY;
    else if (c == ' ')
        guard->state = STATE_VERSION;
    else
        guard_refuse(guard, 400, "the path has a character that must be escaped");
}

static void path_take(struct guard *guard, char c)
{
    if (c == '%')
        guard->state = STATE_ESCAPE;
    else if (guard_is(c, CLASS_PATH))
        guard->state = STATE_PATH;
    else
        path_end(guard, c);
}

static size_t path_pass(struct guard *guard, const char *data, size_t length)
{
    size_t n = guard_run(data, length, CLASS_PATH);
    if (n < length)
        path_take(guard, data[n++]);
    return n;
}

static void authority_take(struct guard *guard, char c)
{
    if (c != '/' && c != '?' && c != ' ') {
        if (!guard_host_take(&guard->host, c))
            guard_refuse(guard, 400, "the target's host is malformed");
        return;
    }
    guard->authority_hash = guard->host.hash;
    if (guard_host_is_empty(&guard->host) || !guard_host_is_whole(&guard->host))
        guard_refuse(guard, 400, "the target's host is malformed");
    else
        path_take(guard, c);
}

static void double_slash_take(struct guard *guard, char c)
{
    if (c == '/')
        guard->state = STATE_PATH;
    else if (c == '?' || c == ' ')
        path_end(guard, c);
    else if (!guard_is(c, CLASS_HOST))
        guard_refuse(guard, 400, "the target begins with // and may be a host");
}

/* Two hexadecimal digits, and not both of them 0. */
static void escape_take(struct guard *guard, char c)
{
    bool ends_in_nul = guard->state == STATE_ESCAPE_LOW_OF_ZERO && c == '0';
    if (!guard_is(c, CLASS_HEX) || ends_in_nul)
        guard_refuse(guard, 400, "the path has a malformed escape");
    else if (guard->state == STATE_ESCAPE)
        guard->state = c == '0' ? STATE_ESCAPE_LOW_OF_ZERO : STATE_ESCAPE_LOW;
    else
        guard->state = STATE_PATH;
}

static void query_end(struct guard *guard, char c)
{
    if (c == ' ')
        guard->state = STATE_VERSION;
    else
        guard_refuse(guard, 400, "the query has a character that must be escaped");
}

static size_t query_pass(struct guard *guard, const char *data, size_t length)
{
    size_t n = guard_run(data, length, CLASS_QUERY);
    if (n < length)
        query_end(guard, data[n++]);
    return n;
}

/* CONNECT is refused whatever it asks for. */
static void tunnel_take(struct guard *guard, char c)
{
    if (c == ' ')
        guard->state = STATE_VERSION;
    else if (!guard_is(c, CLASS_QUERY))
        guard_refuse(guard, 400, "the target is malformed");
}

/* ---- the version ---- */

static void number_take(struct guard *guard, char c)
{
    unsigned char *number = guard->place < MINOR_PLACE ? &guard->major : &guard->minor;
    *number = (unsigned char)(c - '0');
}

static size_t version_pass(struct guard *guard, const char *data, size_t length)
{
    static const char form[] = "HTTP/0.0\r";
    size_t n = 0;
    for (; n < length && form[guard->place]; n++, guard->place++) {
        if (form[guard->place] == '0' && guard_is(data[n], CLASS_DIGIT)) {
            number_take(guard, data[n]);
        } else if (form[guard->place] != data[n]) {
            guard_refuse(guard, 400, "the version is malformed");
            return n + 1;
        }
    }
    if (!form[guard->place])
        guard->state = STATE_VERSION_LF;
    return n;
}

static void line_end(struct guard *guard, char c)
{
    guard->state = STATE_FIELD;
    if (c != '\n')
        guard_refuse(guard, 400, "a CR without a LF");
    else if (guard->major != 1 || guard->minor > 1)
        guard_refuse(guard, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    else if (guard->method == GUARD_METHOD_COUNT)
        guard_refuse(guard, 501, "the method is not known here");
    else if (guard->method == GUARD_CONNECT)
        guard_refuse(guard, 501, "there are no tunnels here");
    else if (guard->is_asterisk && guard->method != GUARD_OPTIONS)
        guard_refuse(guard, 400, "only OPTIONS takes the target *");
}

/* Take some of the next bytes, one at least. Returns how many. */
static size_t line_take(struct guard *guard, const char *data, size_t length)
{
    const char c = *data;
    switch ((enum guard_state)guard->state) {
    case STATE_START:
        return start_take(guard, data, length);
    case STATE_START_LF:
        guard->state = STATE_START;
        if (c != '\n')
            guard_refuse(guard, 400, "a CR without a LF");
        break;
    case STATE_METHOD:
        return method_take(guard, data, length);
    case STATE_TARGET:
        target_start(guard, c);
        break;
    case STATE_FIRST_SLASH:
        if (c == '/')
            guard->state = STATE_DOUBLE_SLASH;
        else
            path_take(guard, c);
        break;
    case STATE_DOUBLE_SLASH:
        double_slash_take(guard, c);
        break;
    case STATE_PATH:
        return path_pass(guard, data, length);
    case STATE_ESCAPE:
    case STATE_ESCAPE_LOW:
    case STATE_ESCAPE_LOW_OF_ZERO:
        escape_take(guard, c);
        break;
    case STATE_QUERY:
        return query_pass(guard, data, length);
    case STATE_ASTERISK:
        path_end(guard, c == ' ' ? c : '\0');
        break;
    case STATE_SCHEME:
        scheme_take(guard, c);
        break;
    case STATE_AUTHORITY:
        authority_take(guard, c);
        break;
    case STATE_TUNNEL:
        tunnel_take(guard, c);
        break;
    case STATE_VERSION:
        return version_pass(guard, data, length);
    default:
        line_end(guard, c);
        break;
    }
    return 1;
}

size_t guard_line_take(struct guard *guard, const char *data, size_t length)
{
    size_t used = 0;
    while (used < length && guard->state < STATE_FIELD)
        used += line_take(guard, data + used, length - used);
    return used;
}
