/*
 * Fuzzing the guard: however the bytes are cut, it says the same of them, and finds the same bodies
 * and, with the heads that it has let pass, the same headers.
 *
 * The first byte is the size of the pieces; the rest is what a client sends.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include "bytes.h"
#include "guard.h"
#include "head.h"

enum { HEADER_BYTES = 1024, BODY_BYTES = 1024 };

struct outcome {
    unsigned whole;
    size_t received;
    enum guard_stage stage;
    const char *reason;
    struct bytes head; /* of the request in progress */
    struct bytes seen; /* what heads and bodies were taken for */
};

static void see_head(struct outcome *outcome, const struct guard *guard)
{
    struct head *head = head_new(guard, outcome->head.data, outcome->head.length);
    if (!head)
        abort();
    FUZZ_CHECK(head->path[0] == '/' || strcmp(head->path, "*") == 0);
    FUZZ_CHECK(strlen(head->path) == head->path_length);
    bytes_printf(&outcome->seen, "%u %s %s %d\n", head->method, head->path,
                 head->query ? head->query : "-", head->minor);
    for (size_t i = 0; i < head->header_count; i++) {
        FUZZ_CHECK(head->headers[i].name[0]);
        bytes_printf(&outcome->seen, "%s: %s\n", head->headers[i].name, head->headers[i].value);
    }
    head_free(head);
    bytes_clear(&outcome->head);
}

/* Returns how many bytes were taken. */
static size_t take(struct guard *guard, struct outcome *outcome, const char *data, size_t length)
{
    size_t passed = guard_pass(guard, length);
    bool is_head = guard_stage(guard) == GUARD_HEAD;
    bytes_append(&outcome->seen, data, passed);
    if (passed > 0)
        return passed;
    size_t used = guard_feed(guard, data, length);
    FUZZ_CHECK(used <= length && (used > 0 || guard_stage(guard) == GUARD_REFUSED));
    if (is_head && guard_stage(guard) != GUARD_REFUSED)
        bytes_append(&outcome->head, data, used);
    if (is_head && (guard_stage(guard) == GUARD_BODY || guard_stage(guard) == GUARD_DONE))
        see_head(outcome, guard);
    return used;
}

static void feed(struct guard *guard, struct outcome *outcome, const char *data, size_t length)
{
    for (size_t at = 0; at < length && guard_stage(guard) != GUARD_REFUSED;) {
        at += take(guard, outcome, data + at, length - at);
        if (guard_stage(guard) == GUARD_REFUSED)
            return;
        FUZZ_CHECK(guard_received(guard) <= BODY_BYTES);
        if (guard_stage(guard) != GUARD_DONE)
            continue;
        outcome->whole++;
        outcome->received += guard_received(guard);
        guard_init(guard, HEADER_BYTES, BODY_BYTES);
    }
}

/* Each piece is an allocation of its own, so that a step beyond its end is seen. */
static struct outcome run(const char *text, size_t length, size_t step)
{
    struct outcome outcome = {0};
    struct guard guard;
    guard_init(&guard, HEADER_BYTES, BODY_BYTES);
    for (size_t at = 0; at < length; at += step) {
        size_t part = length - at < step ? length - at : step;
        char *piece = malloc(part);
        if (!piece)
            abort();
        memcpy(piece, text + at, part);
        feed(&guard, &outcome, piece, part);
        free(piece);
    }
    outcome.stage = guard_stage(&guard);
    outcome.reason = guard.reason;
    FUZZ_CHECK((outcome.stage == GUARD_REFUSED) == (guard.status != 0));
    bytes_fini(&outcome.head);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const char *text = (const char *)data + 1;
    struct outcome whole = run(text, size - 1, size - 1);
    struct outcome cut = run(text, size - 1, 1 + data[0] % 64);
    FUZZ_CHECK(whole.whole == cut.whole && whole.received == cut.received);
    FUZZ_CHECK(whole.stage == cut.stage && whole.reason == cut.reason);
    if (whole.stage != GUARD_REFUSED) /* a refusal ends wherever it is noticed */
        FUZZ_CHECK(whole.seen.length == cut.seen.length &&
                   memcmp(bytes_text(&whole.seen), bytes_text(&cut.seen), whole.seen.length) == 0);
    bytes_fini(&whole.seen);
    bytes_fini(&cut.seen);
    return 0;
}
