/*
 * email: sends a message through an SMTP relay, or, without one, writes it to a folder.
 *
 *     mailer:
 *       use: email
 *       relay: smtp://mail.example.org:587   # smtps:// too; a path is the name for EHLO
 *       from: ferry <ferry@example.org>      # ferry <ferry@localhost>
 *       username: ferry                      # with password_file, or
 *       password_file: /etc/ferry/relay-password
 *       oauth_token_file: /run/relay-token   # XOAUTH2; read for each message
 *       starttls: require                    # none | try | require; see below
 *       ca_file: /etc/ferry/relay-ca.pem     # the system's
 *       timeout: 30s                         # of one attempt
 *       greylist_wait: 5m                    # before the next attempt after 450 or 451
 *       pause: 1m                            # of the route after 421
 *       login_pause: 5m                      # of the route after 530, 535, 538
 *       templates: /etc/ferry/mail           # a folder (mail_template.h)
 *       outbox: var/outbox                   # without a relay; STATE/outbox
 *
 * The request is JSON (mail_request.h). The answer is 200 with {"message_id", "accepted",
 * "recipients"} or, from the outbox, {"message_id", "file"}. "try" is the default and what mail
 * servers do among each other: encrypted where offered, the certificate unchecked. With a username
 * the default is "require", and anything less is refused but to this host: a password is not sent
 * in the clear.
 *
 * While a recipient is refused for now, the attempt fails as transient; the next one is for those
 * recipients only. When none is left: all refused is a failure for good, anything else the answer.
 * To, Cc and the Message-ID, which is made from the delivery id, are the same in all attempts of a
 * job.
 *
 * The state is made by open and only read afterwards; a thread's state is its connection.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ferry/worker.h>

#include "bytes.h"
#include "clock.h"
#include "curl_wake.h"
#include "mail_delivery.h"
#include "mail_message.h"
#include "mail_outbox.h"
#include "mail_relay.h"
#include "mail_request.h"
#include "mail_settings.h"

enum { MESSAGE_MAX = 32 << 20 };

struct email_thread {
    const struct mail_settings *settings;
    struct mail_relay *relay; /* NULL: the outbox */
};

/* ---- open ---- */

static void email_close(void *state)
{
    mail_settings_fini(state);
    free(state);
}

static int email_open(ferry_settings *settings, void **state, ferry_error *error)
{
    struct mail_settings *mail = calloc(1, sizeof *mail);
    if (!mail || mail_settings_read(mail, settings) < 0) {
        if (mail)
            email_close(mail);
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    }
    *state = mail;
    return 0;
}

/* ---- threads ---- */

static int email_thread_open(void *state, void **thread_state, ferry_error *error)
{
    const struct mail_settings *settings = state;
    struct email_thread *thread = calloc(1, sizeof *thread);
    if (thread) {
        thread->settings = settings;
        thread->relay = settings->relay.url ? mail_relay_new(&settings->relay) : NULL;
    }
    if (!thread || (settings->relay.url && !thread->relay)) {
        free(thread);
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    }
    *thread_state = thread;
    return 0;
}

static void email_thread_close(void *thread_state)
{
    struct email_thread *thread = thread_state;
    mail_relay_free(thread->relay);
    free(thread);
}

/* ---- the message ---- */

/* The delivery id becomes a header and a file name: make sure that it can. */
static bool is_safe_id(const char *id)
{
    return *id && !id[strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789-_")];
}

static int build(const struct mail_settings *settings, const struct mail_request *request,
                 const char *message_id, struct bytes *out, ferry_error *error)
{
    struct mail_message message = {
        .from = &settings->from,
        .to = request->recipients,
        .to_count = request->to_count,
        .cc = request->recipients + request->to_count,
        .cc_count = request->cc_count,
        .reply_to = request->reply_to.address ? &request->reply_to : NULL,
        .subject = request->subject,
        .text = request->text,
        .html = request->html,
        .attachments = request->attachments,
        .attachment_count = request->attachment_count,
        .fields = request->fields,
        .field_count = request->field_count,
        .message_id = message_id,
        .date_ms = clock_wall_ms(),
    };
    mail_message_write(&message, out);
    if (out->failed)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory for the message");
    if (out->length > MESSAGE_MAX)
        return ferry_error_set(error, FERRY_TOO_LARGE, "a message of more than %d MiB",
                               MESSAGE_MAX >> 20);
    return 0;
}

/* ---- to the relay ---- */

/* Heed a reply that says when to come back, or that every message would meet. */
static void heed_reply(ferry_call *call, const struct mail_settings *settings, int code)
{
    if (code == 450 || code == 451) /* greylisting, mostly, which wants some minutes to pass */
        ferry_call_retry_after(call, settings->greylist_wait_ms);
    else if (code == 421)
        ferry_call_pause_route(call, settings->pause_ms);
    else if (mail_is_about_authentication(code))
        ferry_call_pause_route(call, settings->login_pause_ms);
}

static int answer_accepted(ferry_call *call, const struct mail_delivery *delivery,
                           const char *message_id)
{
    struct bytes answer = {0};
    bytes_printf(&answer, "{\"message_id\":\"%s\",\"accepted\":%zu,\"recipients\":", message_id,
                 mail_delivery_count(delivery, MAIL_ACCEPTED));
    mail_delivery_json(delivery, &answer);
    bytes_append_char(&answer, '}');
    int rc = answer.failed ? ferry_call_fail(call, FERRY_INTERNAL, "no memory for the answer")
                           : ferry_call_reply(call, 200, "application/json", bytes_text(&answer),
                                              answer.length);
    bytes_fini(&answer);
    return rc;
}

static int fail_with_list(ferry_call *call, const struct mail_delivery *delivery,
                          enum mail_status status, ferry_code code)
{
    struct bytes text = {0};
    bytes_printf(&text, "the relay refused%s", code == FERRY_TRANSIENT ? " for now" : "");
    if (delivery->count > 1)
        bytes_printf(&text, " %zu of %zu recipients", mail_delivery_count(delivery, status),
                     delivery->count);
    bytes_append_text(&text, ": ");
    mail_delivery_explain(delivery, status, &text);
    int rc = ferry_call_fail(call, code, "%s", bytes_text(&text));
    bytes_fini(&text);
    return rc;
}

static void tell_progress(ferry_call *call, const struct mail_delivery *delivery)
{
    size_t accepted = mail_delivery_count(delivery, MAIL_ACCEPTED);
    size_t settled = accepted + mail_delivery_count(delivery, MAIL_REFUSED);
    char text[64];
    snprintf(text, sizeof text, "%zu of %zu recipients accepted", accepted, delivery->count);
    ferry_call_progress(call, (double)settled / (double)delivery->count, text);
}

/* Say what became of the message, now that every recipient has a status. */
static int answer(ferry_call *call, const struct mail_settings *settings,
                  const struct mail_delivery *delivery, const char *message_id)
{
    tell_progress(call, delivery);
    if (mail_delivery_count(delivery, MAIL_DEFERRED) > 0) {
        for (size_t i = 0; i < delivery->count; i++) {
            if (delivery->recipients[i].status == MAIL_DEFERRED)
                heed_reply(call, settings, delivery->recipients[i].reply.code);
        }
        return fail_with_list(call, delivery, MAIL_DEFERRED, FERRY_TRANSIENT);
    }
    if (mail_delivery_count(delivery, MAIL_ACCEPTED) == 0)
        return fail_with_list(call, delivery, MAIL_REFUSED, FERRY_UNPROCESSABLE);
    return answer_accepted(call, delivery, message_id);
}

static int send_to_relay(ferry_call *call, const struct email_thread *thread,
                         const struct mail_request *request, const char *message_id,
                         const struct bytes *message)
{
    struct mail_delivery delivery;
    struct mail_report report = {0};
    int rc = 0;
    mail_delivery_init(&delivery, request);
    mail_delivery_recall(&delivery, call);
    struct mail_envelope envelope = {
        .from = &thread->settings->from,
        .delivery = &delivery,
        .message = message,
    };
    if (mail_delivery_count(&delivery, MAIL_PENDING) > 0)
        rc = mail_relay_send(thread->relay, &envelope, call, &report);
    if (mail_delivery_remember(&delivery, call) < 0) /* then somebody might get it twice */
        ferry_log(FERRY_LOG_WARN, "no memory to keep who has a message", "message_id=%s",
                  message_id);
    if (rc == 0)
        return answer(call, thread->settings, &delivery, message_id);
    heed_reply(call, thread->settings, report.code);
    if (rc == FERRY_CANCELLED && ferry_call_time_left_ms(call) == 0)
        rc = FERRY_DEADLINE;
    return ferry_call_fail(call, (ferry_code)rc, "%s", report.error.message);
}

/* ---- to the outbox ---- */

static int write_to_outbox(ferry_call *call, const struct mail_settings *settings,
                           const char *message_id, const struct bytes *message)
{
    char *path = NULL;
    struct bytes quoted = {0};
    ferry_error error = {0};
    int rc =
        mail_outbox_write(settings->outbox, ferry_call_delivery_id(call), message, &path, &error);
    if (rc < 0)
        return ferry_call_fail(call, (ferry_code)rc, "outbox: %s", error.message);
    bytes_append_json(&quoted, path, strlen(path));
    rc = ferry_call_reply_json(call, 200, "{\"message_id\":\"%s\",\"file\":%s}", message_id,
                               bytes_text(&quoted));
    bytes_fini(&quoted);
    free(path);
    return rc;
}

/* ---- run ---- */

static int deliver(ferry_call *call, const struct email_thread *thread,
                   const struct mail_request *request)
{
    const struct mail_settings *settings = thread->settings;
    const char *id = ferry_call_delivery_id(call);
    if (!is_safe_id(id))
        return ferry_call_fail(call, FERRY_INTERNAL, "a delivery id that cannot be a Message-ID");
    struct bytes message = {0};
    ferry_error error = {0};
    char *message_id = text_printf("<%s@%s>", id, mail_address_domain(&settings->from));
    int rc = message_id ? build(settings, request, message_id, &message, &error)
                        : ferry_error_set(&error, FERRY_INTERNAL, "no memory");
    if (rc < 0)
        ferry_call_fail(call, (ferry_code)rc, "%s", error.message);
    else if (thread->relay)
        rc = send_to_relay(call, thread, request, message_id, &message);
    else
        rc = write_to_outbox(call, settings, message_id, &message);
    bytes_fini(&message);
    free(message_id);
    return rc;
}

static int run(ferry_call *call, void *state)
{
    const struct email_thread *thread = state;
    struct mail_request request;
    ferry_error error = {0};
    size_t length;
    const char *body = ferry_call_body(call, &length);
    int rc = mail_request_parse(&request, body, length, thread->settings->templates, &error);
    if (rc < 0)
        ferry_call_fail(call, (ferry_code)rc, "%s", error.message);
    else
        rc = deliver(call, thread, &request);
    mail_request_fini(&request);
    return rc;
}

FERRY_WORKER(email, .open = email_open, .close = email_close, .thread_open = email_thread_open,
             .thread_close = email_thread_close, .run = run, .cancel = curl_wake)
