/*
 * Judging an answer. Any thread; nothing is shared.
 *
 * A body that is not JSON is a text, which the pointer "" points to: so a gateway that answers "OK"
 * can be described, too.
 */
#include "sms_outcome.h"

#include <string.h>

#include "json_pointer.h"
#include "sms_answer.h"

enum { SECRET_MIN_CHARS = 4 }; /* a shorter one says little, and would be found in any text */

/* ---- words ---- */

/* Copy as much as has room, in whole characters and as one line. */
static void copy_line(char *out, size_t size, const char *text, size_t left)
{
    size_t length = 0;
    while (length < left) {
        size_t next = utf8_length(text + length, left - length);
        if (next == 0 || length + next >= size)
            break;
        memcpy(out + length, text + length, next);
        if ((unsigned char)out[length] < ' ' || out[length] == 0x7F)
            out[length] = ' ';
        length += next;
    }
    out[length] = '\0';
}

static void append_pointed(struct bytes *out, json_t *body, const char *pointer)
{
    json_t *value = pointer ? json_pointer_get(body, pointer) : NULL;
    bytes_append_json_value(out, json_is_null(value) ? NULL : value);
}

/* Return the length of the secret that `text` begins with, 0 if it is none. */
static size_t secret_length(const char *text, size_t left, const struct bytes *secrets)
{
    const char *secret = bytes_text(secrets), *end = secret + secrets->length;
    size_t found = 0;
    for (size_t length; secret < end; secret += length + 1) {
        length = strlen(secret);
        if (length >= SECRET_MIN_CHARS && length <= left && length > found &&
            memcmp(text, secret, length) == 0)
            found = length;
    }
    return found;
}

/* Append what a gateway said, as UTF-8 and without the secrets that it repeats. */
static void append_masked(struct bytes *out, const struct bytes *said, const struct bytes *secrets)
{
    for (size_t at = 0, length; at < said->length; at += length) {
        length = secret_length(said->data + at, said->length - at, secrets);
        if (length > 0)
            bytes_append_text(out, "SECRET");
        else
            bytes_append(out, said->data + at, length = 1);
    }
    out->failed |= said->failed;
}

static void describe_error(struct sms_outcome *outcome, const struct sms_gateway *gateway,
                           const struct http_answer *answer, json_t *body,
                           const struct bytes *secrets)
{
    struct bytes text = {0}, said = {0};
    struct http_answer masked = {0};
    append_pointed(&said, body, gateway->error_message);
    bytes_printf(&text, "status %ld%s", answer->status,
                 said.length + answer->body.length ? ": " : "");
    append_masked(&masked.body, said.length ? &said : &answer->body, secrets);
    http_answer_append_excerpt(&masked, &text);
    copy_line(outcome->error, sizeof outcome->error, bytes_text(&text), text.length);
    http_answer_fini(&masked);
    bytes_fini(&said);
    bytes_fini(&text);
}

/* ---- judging ---- */

static enum sms_outcome_kind judge(const struct sms_gateway *gateway, long status, json_t *body)
{
    if (sms_rule_matches_all(&gateway->success, status, body))
        return SMS_SENT;
    if (sms_rule_matches_any(&gateway->pause, status, body))
        return SMS_PAUSED;
    if (sms_rule_matches_any(&gateway->transient, status, body))
        return SMS_LATER;
    return sms_rule_matches_any(&gateway->permanent, status, body) ? SMS_REFUSED : SMS_LATER;
}

void sms_outcome_read(struct sms_outcome *outcome, const struct sms_gateway *gateway,
                      const struct http_answer *answer, const struct bytes *secrets)
{
    struct bytes id = {0};
    json_t *body = sms_answer_read(bytes_text(&answer->body), answer->body.length);
    long status = answer->status;
    *outcome = (struct sms_outcome){.kind = judge(gateway, status, body), .wait_ms = -1};
    append_pointed(&id, body, gateway->message_id);
    copy_line(outcome->message_id, sizeof outcome->message_id, bytes_text(&id), id.length);
    if (outcome->kind != SMS_SENT)
        describe_error(outcome, gateway, answer, body, secrets);
    if (outcome->kind == SMS_LATER)
        outcome->wait_ms = answer->retry_after_ms;
    bool is_busy = (status == 429 || status == 503) && outcome->wait_ms >= 0;
    if (outcome->kind == SMS_LATER && is_busy)
        outcome->kind = SMS_PAUSED;
    else if (outcome->kind == SMS_PAUSED)
        outcome->wait_ms = gateway->pause_ms;
    json_decref(body);
    bytes_fini(&id);
}
