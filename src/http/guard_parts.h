/*
 * What the parts of the guard share: its states, its classes of bytes, and how it refuses.
 */
#ifndef HTTP_GUARD_PARTS_H
#define HTTP_GUARD_PARTS_H

#include "ascii.h"
#include "guard.h"

enum guard_state {
    /* the request line: guard_line.c */
    STATE_START, /* nothing yet, or empty lines */
    STATE_START_LF,
    STATE_METHOD,
    STATE_TARGET,
    STATE_FIRST_SLASH,
    STATE_DOUBLE_SLASH,
    STATE_PATH,
    STATE_ESCAPE,
    STATE_ESCAPE_LOW,
    STATE_ESCAPE_LOW_OF_ZERO,
    STATE_QUERY,
    STATE_ASTERISK,
    STATE_SCHEME,
    STATE_AUTHORITY,
    STATE_TUNNEL,
    STATE_VERSION,
    STATE_VERSION_LF,
    /* header lines, and trailers: guard_field.c */
    STATE_FIELD,
    STATE_NAME,
    STATE_BEFORE_VALUE,
    STATE_VALUE,
    STATE_VALUE_LF,
    STATE_HEAD_LF,
    /* the body: guard_body.c */
    STATE_BODY,
    STATE_SIZE,
    STATE_EXTENSION,
    STATE_EXTENSION_NAME_START,
    STATE_EXTENSION_NAME,
    STATE_EXTENSION_NAME_END,
    STATE_EXTENSION_VALUE_START,
    STATE_EXTENSION_VALUE,
    STATE_QUOTED,
    STATE_QUOTED_PAIR,
    STATE_QUOTED_END,
    STATE_SIZE_LF,
    STATE_CHUNK,
    STATE_CHUNK_CR,
    STATE_CHUNK_LF,
    /* the end */
    STATE_DONE,
    STATE_REFUSED,
};

/* Methods, in the order of their names in guard_line.c. */
enum guard_method {
    GUARD_GET,
    GUARD_POST,
    GUARD_PUT,
    GUARD_PATCH,
    GUARD_DELETE,
    GUARD_OPTIONS,
    GUARD_HEAD_METHOD,
    GUARD_TRACE,
    GUARD_CONNECT,
    GUARD_METHOD_COUNT, /* one that nobody knows */
};

/* The fields that framing depends on. */
enum guard_field {
    FIELD_HOST,
    FIELD_CONTENT_LENGTH,
    FIELD_TRANSFER_ENCODING,
    FIELD_EXPECT,
    FIELD_COUNT, /* any other */
};

/* Bits of guard_class. */
enum {
    CLASS_TOKEN = 1 << 0, /* tchar */
    CLASS_TEXT = 1 << 1,  /* what a value may hold, the blank and the tab included */
    CLASS_PATH = 1 << 2,  /* pchar without %, the slash, and []^`{|} */
    CLASS_QUERY = 1 << 3, /* anything visible but "#<> */
    CLASS_HOST = 1 << 4,  /* unreserved and sub-delims, without the comma */
    CLASS_DIGIT = 1 << 5,
    CLASS_HEX = 1 << 6,
    CLASS_BLANK = 1 << 7,
};

extern const unsigned char guard_class[256];

static inline bool guard_is(char c, unsigned classes)
{
    return guard_class[(unsigned char)c] & classes;
}

/* Return how many of the first bytes are of these classes. */
static inline size_t guard_run(const char *data, size_t length, unsigned classes)
{
    size_t n = 0;
    while (n < length && guard_is(data[n], classes))
        n++;
    return n;
}

static inline void guard_refuse(struct guard *guard, int status, const char *reason)
{
    guard->state = STATE_REFUSED;
    guard->status = status;
    guard->reason = reason;
}

/* Words. */
typedef const char guard_known[GUARD_WORD_SIZE];

static inline void guard_word_start(struct guard_word *word)
{
    *word = (struct guard_word){0};
}

static inline void guard_word_take(struct guard_word *word, char c)
{
    if (word->length < sizeof word->text)
        word->text[word->length++] = c;
}

/* Take a token, as far as it goes. Returns how many bytes it has. */
size_t guard_word_pass(struct guard_word *word, const char *data, size_t length);

void guard_word_lower(struct guard_word *word);

/* Return which one of `count` known words it is, or `count`; and whether one begins with it. */
unsigned guard_word_find(const struct guard_word *word, guard_known *known, unsigned count);
bool guard_word_begins(const struct guard_word *word, guard_known *known, unsigned count);

/* Hosts. Taking returns whether the host is well formed so far; passing, how many bytes are before
 * a blank, or before the one that makes it malformed. */
void guard_host_start(struct guard_host *host);
bool guard_host_take(struct guard_host *host, char c);
size_t guard_host_pass(struct guard_host *host, const char *data, size_t length);
bool guard_host_is_whole(const struct guard_host *host);
bool guard_host_is_empty(const struct guard_host *host);

/* Take the next bytes as long as the state is one of theirs. Returns how many. */
size_t guard_line_take(struct guard *guard, const char *data, size_t length);
size_t guard_field_take(struct guard *guard, const char *data, size_t length);

/* Take one byte of the body's framing. */
void guard_body_take(struct guard *guard, char c);

/* The head has ended well: what follows? */
void guard_body_start(struct guard *guard);

#endif
