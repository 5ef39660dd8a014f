/*
 * The guard.
 *
 * One state machine over the bytes of a request, in three parts: the request line (guard_line.c),
 * the header lines (guard_field.c), the body (guard_body.c). Here they are put together; the
 * limits on length are met, and bodies are passed in one step.
 */
#include "guard.h"

#include <string.h>

#include "guard_parts.h"

void guard_init(struct guard *guard, size_t header_bytes, size_t body_bytes)
{
    memset(guard, 0, sizeof *guard);
    guard->header_bytes = header_bytes;
    guard->body_bytes = body_bytes;
    guard->state = STATE_START;
}

enum guard_stage guard_stage(const struct guard *guard)
{
    if (guard->state >= STATE_DONE)
        return guard->state == STATE_DONE ? GUARD_DONE : GUARD_REFUSED;
    return guard->state >= STATE_BODY || guard->in_trailer ? GUARD_BODY : GUARD_HEAD;
}

/* Its bytes come, without framing. */
static bool is_in_body(const struct guard *guard)
{
    return guard->state == STATE_BODY || guard->state == STATE_CHUNK;
}

size_t guard_pass(struct guard *guard, size_t length)
{
    if (!is_in_body(guard))
        return 0;
    size_t n = guard->left < length ? (size_t)guard->left : length;
    guard->left -= n;
    if (guard->left == 0)
        guard->state = guard->state == STATE_BODY ? STATE_DONE : STATE_CHUNK_CR;
    return n;
}

size_t guard_received(const struct guard *guard)
{
    if (guard_stage(guard) == GUARD_HEAD)
        return 0;
    return (size_t)(guard->body - (is_in_body(guard) ? guard->left : 0));
}

bool guard_is_for_head(const struct guard *guard)
{
    return guard->method == GUARD_HEAD_METHOD;
}

bool guard_expects_continue(const struct guard *guard)
{
    return guard->seen & 1u << FIELD_EXPECT && guard->minor > 0;
}

/* Take what belongs to the head, or to the trailers, as far as there is room. */
static size_t head_take(struct guard *guard, const char *data, size_t length)
{
    size_t room = guard->header_bytes - guard->length;
    if (room == 0) {
        bool is_line = guard->state < STATE_FIELD;
        guard_refuse(guard, is_line ? 414 : 431,
                     is_line ? "the request line is too long" : "the headers are too long");
        return 0;
    }
    if (length > room)
        length = room;
    size_t used = guard_line_take(guard, data, length);
    used += guard_field_take(guard, data + used, length - used);
    guard->length += used;
    return used;
}

size_t guard_feed(struct guard *guard, const char *data, size_t length)
{
    bool is_head = guard_stage(guard) == GUARD_HEAD;
    size_t used = 0;
    while (used < length && guard->state < STATE_DONE && !is_in_body(guard)) {
        if (guard->state < STATE_BODY)
            used += head_take(guard, data + used, length - used);
        else if (is_head)
            break;
        else
            guard_body_take(guard, data[used++]);
    }
    return used;
}
