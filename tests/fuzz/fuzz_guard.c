/*
 * Fuzzing the guard: however the bytes are cut, it says the same of them, and shows evhttp the
 * same.
 *
 * The first byte is the size of the pieces; the rest is what a client sends.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include "bytes.h"
#include "guard.h"

enum { HEADER_BYTES = 1024, BODY_BYTES = 1024 };

struct outcome {
    unsigned whole;
    size_t received;
    enum guard_stage stage;
    const char *reason;
    struct bytes seen;
};

static void outcome_see(struct outcome *outcome, const char *data, const struct guard_took *took)
{
    FUZZ_CHECK(took->hide_from <= took->hide_to && took->hide_to <= took->used);
    bytes_append(&outcome->seen, data, took->hide_from);
    bytes_append(&outcome->seen, data + took->hide_to, took->used - took->hide_to);
}

static void feed(struct guard *guard, struct outcome *outcome, char *data, size_t length)
{
    struct guard_took took;
    for (size_t at = 0; at < length && guard_stage(guard) != GUARD_REFUSED; at += took.used) {
        enum guard_stage stage = guard_feed(guard, data + at, length - at, &took);
        FUZZ_CHECK(took.used > 0 || stage == GUARD_REFUSED);
        outcome_see(outcome, data + at, &took);
        FUZZ_CHECK(stage == GUARD_REFUSED || guard_received(guard) <= BODY_BYTES);
        if (stage != GUARD_DONE)
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
