/*
 * The recipients' states. What is remembered is a list of [index, code, "text"]: the job's body,
 * and with it the order of its recipients, is the same in every attempt, and so the list of a
 * hundred stays far below what a call may remember. Any thread; nothing is shared.
 */
#include "mail_delivery.h"

#include <string.h>

#include "ascii.h"

bool mail_is_about_authentication(int code)
{
    return code == 530 || code == 535 || code == 538;
}

enum mail_status mail_status_of(int code)
{
    if (code >= 200 && code < 300)
        return MAIL_ACCEPTED;
    return code >= 500 && !mail_is_about_authentication(code) ? MAIL_REFUSED : MAIL_DEFERRED;
}

/* Tell whether two addresses are one: the case of a domain says nothing. */
static bool is_same(const char *a, const char *b)
{
    size_t local = (size_t)(strrchr(a, '@') - a);
    return strncmp(a, b, local + 1) == 0 && ascii_compare(a + local, b + local) == 0;
}

void mail_delivery_init(struct mail_delivery *delivery, const struct mail_request *request)
{
    *delivery = (struct mail_delivery){0};
    for (size_t i = 0; i < mail_request_recipient_count(request); i++) {
        const char *address = request->recipients[i].address;
        size_t at = 0;
        while (at < delivery->count && !is_same(address, delivery->recipients[at].address))
            at++;
        if (at == delivery->count)
            delivery->recipients[delivery->count++] = (struct mail_recipient){.address = address};
    }
}

/* ---- from one attempt to the next ---- */

void mail_delivery_recall(struct mail_delivery *delivery, const ferry_call *call)
{
    size_t length, i;
    const char *left = ferry_call_remembered(call, &length);
    json_t *list = left ? json_loadb(left, length, 0, NULL) : NULL;
    json_t *entry;
    json_array_foreach(list, i, entry)
    {
        json_int_t index = -1;
        int code = 0;
        const char *text = "";
        if (json_unpack(entry, "[Iis]", &index, &code, &text) < 0 || index < 0 ||
            (size_t)index >= delivery->count)
            continue;
        struct mail_recipient *recipient = &delivery->recipients[index];
        recipient->status = mail_status_of(code);
        recipient->reply.code = code;
        strncat(recipient->reply.text, text, sizeof recipient->reply.text - 1);
    }
    json_decref(list);
}

int mail_delivery_remember(const struct mail_delivery *delivery, ferry_call *call)
{
    struct bytes list = {0};
    for (size_t i = 0; i < delivery->count; i++) {
        const struct mail_recipient *recipient = &delivery->recipients[i];
        if (recipient->status != MAIL_ACCEPTED && recipient->status != MAIL_REFUSED)
            continue;
        bytes_printf(&list, "%s[%zu,%d,", list.length > 0 ? "," : "[", i, recipient->reply.code);
        bytes_append_json(&list, recipient->reply.text, strlen(recipient->reply.text));
        bytes_append_char(&list, ']');
    }
    if (list.length > 0)
        bytes_append_char(&list, ']');
    int rc = list.failed ? FERRY_INTERNAL : ferry_call_remember(call, list.data, list.length);
    bytes_fini(&list);
    return rc;
}

/* ---- what is told ---- */

size_t mail_delivery_count(const struct mail_delivery *delivery, enum mail_status status)
{
    size_t count = 0;
    for (size_t i = 0; i < delivery->count; i++)
        count += delivery->recipients[i].status == status;
    return count;
}

void mail_delivery_json(const struct mail_delivery *delivery, struct bytes *out)
{
    static const char *const names[] = {
        [MAIL_PENDING] = "pending",
        [MAIL_ACCEPTED] = "accepted",
        [MAIL_REFUSED] = "refused",
        [MAIL_DEFERRED] = "deferred",
    };
    for (size_t i = 0; i < delivery->count; i++) {
        const struct mail_recipient *recipient = &delivery->recipients[i];
        bytes_append_text(out, i == 0 ? "[{\"address\":" : ",{\"address\":");
        bytes_append_json(out, recipient->address, strlen(recipient->address));
        bytes_printf(out, ",\"status\":\"%s\",\"code\":%d,\"text\":", names[recipient->status],
                     recipient->reply.code);
        bytes_append_json(out, recipient->reply.text, strlen(recipient->reply.text));
        bytes_append_char(out, '}');
    }
    bytes_append_char(out, ']');
}

void mail_delivery_explain(const struct mail_delivery *delivery, enum mail_status status,
                           struct bytes *out)
{
    bool is_first = true;
    for (size_t i = 0; i < delivery->count; i++) {
        const struct mail_recipient *recipient = &delivery->recipients[i];
        if (recipient->status != status)
            continue;
        bytes_printf(out, "%s%s: %d %s", is_first ? "" : "; ", recipient->address,
                     recipient->reply.code, recipient->reply.text);
        is_first = false;
    }
}
