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

static void copy_value(char *out, size_t size, json_t *body, const char *pointer)
{
    struct bytes text = {0};
    json_t *value = pointer ? json_pointer_get(body, pointer) : NULL;
    bytes_append_json_value(&text, json_is_null(value) ? NULL : value);
    size_t length = 0;
    while (length < text.length) { /* whole characters only */
        size_t next = utf8_length(text.data + length, text.length - length);
        if (next == 0 || length + next >= size)
            break;
        memcpy(out + length, text.data + length, next);
        if ((unsigned char)out[length] < ' ' || out[length] == 0x7F)
            out[length] = ' ';
        length += next;
    }
    out[length] = '\0';
    bytes_fini(&text);
}

static void describe_error(struct sms_outcome *outcome, const struct sms_gateway *gateway,
                           const struct http_answer *answer, json_t *body)
{
    struct bytes text = {0};
    char said[120];
    copy_value(said, sizeof said, body, gateway->error_message);
    bytes_printf(&text, "status %ld", answer->status);
    if (*said) {
        bytes_printf(&text, ": %s", said);
    } else if (answer->body.length > 0) {
        bytes_append_text(&text, ": ");
        http_answer_append_excerpt(answer, &text);
    }
    json_t *all = json_string(bytes_text(&text));
    copy_value(outcome->error, sizeof outcome->error, all, "");
    json_decref(all);
    bytes_fini(&text);
}

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
                      const struct http_answer *answer)
{
    json_t *body = sms_answer_read(bytes_text(&answer->body), answer->body.length);
    long status = answer->status;
    *outcome = (struct sms_outcome){.kind = judge(gateway, status, body), .wait_ms = -1};
    copy_value(outcome->message_id, sizeof outcome->message_id, body, gateway->message_id);
    if (outcome->kind != SMS_SENT)
        describe_error(outcome, gateway, answer, body);
    if (outcome->kind == SMS_LATER)
        outcome->wait_ms = answer->retry_after_ms;
    bool is_busy = (status == 429 || status == 503) && outcome->wait_ms >= 0;
    if (outcome->kind == SMS_LATER && is_busy)
        outcome->kind = SMS_PAUSED;
    else if (outcome->kind == SMS_PAUSED)
        outcome->wait_ms = gateway->pause_ms;
    json_decref(body);
}
