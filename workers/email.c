/*
 * email: sends a message through an SMTP relay, or, without one, writes it to a folder.
 *
 *     mailer:
 *       use: email
 *       relay: smtp://mail.example.org:587   # smtps:// too; a path is the name for EHLO
 *       from: ferry <ferry@example.org>      # ferry <ferry@localhost>
 *       username: ferry                      # with password_file
 *       password_file: /etc/ferry/relay-password
 *       starttls: require                    # none | try | require; see below
 *       ca_file: /etc/ferry/relay-ca.pem     # the system's
 *       timeout: 30s                         # of one attempt
 *       outbox: var/outbox                   # without a relay; STATE/outbox
 *
 * The request is JSON (mail_request.h). The answer is 200 with {"message_id", "accepted"} or, from
 * the outbox, {"message_id", "file"}. "try" is the default and what mail servers do among each
 * other: encrypted where offered, the certificate unchecked. With a username the default is
 * "require", and anything less is refused but to this host: a password is not sent in the clear.
 *
 * The Message-ID is made from the delivery id, so that it is the same over all attempts of a job.
 * The state is made by open and only read afterwards; a thread's state is its connection.
 */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <ferry/worker.h>

#include "bytes.h"
#include "clock.h"
#include "mail_message.h"
#include "mail_outbox.h"
#include "mail_relay.h"
#include "mail_request.h"

enum { DEFAULT_TIMEOUT_MS = 30000, PASSWORD_MAX = 4096, MESSAGE_MAX = 32 << 20 };

struct email {
    struct mail_address from;
    struct mail_relay_options relay; /* url NULL: the outbox */
    char *password;
    char *outbox;
};

struct email_thread {
    const struct email *email;
    struct mail_relay *relay; /* NULL: the outbox */
};

/* ---- open ---- */

/* What the relay's URL says. */
struct relay_url {
    bool is_tls;
    bool is_loopback;
};

static bool is_loopback(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "[::1]") == 0;
}

static bool relay_url_parse(struct relay_url *parsed, const char *text)
{
    CURLU *url = curl_url();
    char *scheme = NULL, *host = NULL, *user = NULL;
    bool good = url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_NO_USER;
    if (good) {
        parsed->is_tls = strcmp(scheme, "smtps") == 0;
        parsed->is_loopback = is_loopback(host);
        good = *host && (parsed->is_tls || strcmp(scheme, "smtp") == 0);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_url_cleanup(url);
    return good;
}

static void read_starttls(struct email *email, ferry_settings *settings)
{
    static const char *const names[] = {
        [MAIL_STARTTLS_NONE] = "none",
        [MAIL_STARTTLS_TRY] = "try",
        [MAIL_STARTTLS_REQUIRE] = "require",
    };
    const char *text =
        ferry_settings_string(settings, "starttls", email->relay.username ? "require" : "try");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], text) == 0) {
            email->relay.starttls = (enum mail_starttls)i;
            return;
        }
    }
    ferry_settings_fail(settings, "starttls", "starttls: none, try or require");
}

static void read_password(struct email *email, ferry_settings *settings)
{
    const char *path = ferry_settings_string(settings, "password_file", NULL);
    struct bytes password = {0};
    ferry_error error;
    if (!path != !email->relay.username)
        ferry_settings_fail(settings, path ? "username" : "password_file",
                            "username and password_file belong together");
    if (!path)
        return;
    if (bytes_read_file(&password, path, PASSWORD_MAX, &error) < 0)
        ferry_settings_fail(settings, "password_file", "%s", error.message);
    while (password.length > 0 && strchr("\r\n", password.data[password.length - 1]))
        password.data[--password.length] = '\0';
    email->password = bytes_take(&password);
    email->relay.password = email->password;
}

static void read_relay(struct email *email, ferry_settings *settings)
{
    struct mail_relay_options *relay = &email->relay;
    struct relay_url url = {0};
    relay->url = ferry_settings_string(settings, "relay", NULL);
    relay->username = ferry_settings_string(settings, "username", NULL);
    relay->ca_file = ferry_settings_string(settings, "ca_file", NULL);
    relay->timeout_ms = ferry_settings_duration_ms(settings, "timeout", DEFAULT_TIMEOUT_MS);
    read_starttls(email, settings);
    read_password(email, settings);
    if (relay->timeout_ms <= 0)
        ferry_settings_fail(settings, "timeout", "timeout: must be more than 0");
    if (!relay->url)
        return;
    if (!relay_url_parse(&url, relay->url))
        ferry_settings_fail(settings, "relay",
                            "relay: smtp://HOST:PORT or smtps://HOST:PORT, the name and password "
                            "by username and password_file");
    else if (relay->username && !url.is_tls && !url.is_loopback &&
             relay->starttls != MAIL_STARTTLS_REQUIRE)
        ferry_settings_fail(settings, "starttls",
                            "starttls: must be \"require\" with a username, or the password could "
                            "go over the network in the clear");
}

static void email_close(void *state)
{
    struct email *email = state;
    mail_address_fini(&email->from);
    free(email->password);
    free(email->outbox);
    free(email);
}

static int email_open(ferry_settings *settings, void **state, ferry_error *error)
{
    struct email *email = calloc(1, sizeof *email);
    if (!email || mail_relay_init() < 0) {
        free(email);
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    }
    read_relay(email, settings);
    const char *from = ferry_settings_string(settings, "from", "ferry <ferry@localhost>");
    ferry_error problem;
    if (mail_address_parse(&email->from, "from", from, &problem) < 0)
        ferry_settings_fail(settings, "from", "%s", problem.message);
    const char *outbox = ferry_settings_string(settings, "outbox", NULL);
    email->outbox =
        outbox ? strdup(outbox) : text_printf("%s/outbox", ferry_settings_state_dir(settings));
    if (!email->outbox) {
        email_close(email);
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    }
    *state = email;
    return 0;
}

/* ---- threads ---- */

static int email_thread_open(void *state, void **thread_state, ferry_error *error)
{
    struct email *email = state;
    struct email_thread *thread = calloc(1, sizeof *thread);
    if (thread) {
        thread->email = email;
        thread->relay = email->relay.url ? mail_relay_new(&email->relay) : NULL;
    }
    if (!thread || (email->relay.url && !thread->relay)) {
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

/* ---- run ---- */

/* The delivery id becomes a header and a file name: make sure that it can. */
static bool is_safe_id(const char *id)
{
    return *id && !id[strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789-_")];
}

static int build(const struct email *email, const struct mail_request *request,
                 const char *message_id, struct bytes *out, ferry_error *error)
{
    struct mail_message message = {
        .from = &email->from,
        .to = request->recipients,
        .to_count = request->to_count,
        .cc = request->recipients + request->to_count,
        .cc_count = request->cc_count,
        .reply_to = request->reply_to.address ? &request->reply_to : NULL,
        .subject = request->subject,
        .text = request->text,
        .html = request->html,
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

static int send_to_relay(ferry_call *call, const struct email_thread *thread,
                         const struct mail_request *request, const char *message_id,
                         const struct bytes *message)
{
    struct mail_envelope envelope = {
        .from = &thread->email->from,
        .recipients = request->recipients,
        .recipient_count = mail_request_recipient_count(request),
        .message = message,
    };
    ferry_error error = {0};
    int rc = mail_relay_send(thread->relay, &envelope, call, &error);
    if (rc == FERRY_CANCELLED && ferry_call_time_left_ms(call) == 0)
        rc = FERRY_DEADLINE;
    if (rc < 0)
        return ferry_call_fail(call, (ferry_code)rc, "%s", error.message);
    return ferry_call_reply_json(call, 200, "{\"message_id\":\"%s\",\"accepted\":%zu}", message_id,
                                 envelope.recipient_count);
}

static int write_to_outbox(ferry_call *call, const struct email *email, const char *message_id,
                           const struct bytes *message)
{
    char *path = NULL;
    struct bytes quoted = {0};
    ferry_error error = {0};
    int rc = mail_outbox_write(email->outbox, ferry_call_delivery_id(call), message, &path, &error);
    if (rc < 0)
        return ferry_call_fail(call, (ferry_code)rc, "outbox: %s", error.message);
    bytes_append_json(&quoted, path, strlen(path));
    rc = ferry_call_reply_json(call, 200, "{\"message_id\":\"%s\",\"file\":%s}", message_id,
                               bytes_text(&quoted));
    bytes_fini(&quoted);
    free(path);
    return rc;
}

static int deliver(ferry_call *call, const struct email_thread *thread,
                   const struct mail_request *request)
{
    const struct email *email = thread->email;
    const char *id = ferry_call_delivery_id(call);
    if (!is_safe_id(id))
        return ferry_call_fail(call, FERRY_INTERNAL, "a delivery id that cannot be a Message-ID");
    struct bytes message = {0};
    ferry_error error = {0};
    char *message_id = text_printf("<%s@%s>", id, mail_address_domain(&email->from));
    int rc = message_id ? build(email, request, message_id, &message, &error)
                        : ferry_error_set(&error, FERRY_INTERNAL, "no memory");
    if (rc < 0)
        ferry_call_fail(call, (ferry_code)rc, "%s", error.message);
    else if (thread->relay)
        rc = send_to_relay(call, thread, request, message_id, &message);
    else
        rc = write_to_outbox(call, email, message_id, &message);
    bytes_fini(&message);
    free(message_id);
    return rc;
}

static int run(ferry_call *call, void *state)
{
    struct mail_request request;
    ferry_error error = {0};
    size_t length;
    const char *body = ferry_call_body(call, &length);
    int rc = mail_request_parse(&request, body, length, &error);
    if (rc < 0)
        ferry_call_fail(call, (ferry_code)rc, "%s", error.message);
    else
        rc = deliver(call, state, &request);
    mail_request_fini(&request);
    return rc;
}

FERRY_WORKER(email, .open = email_open, .close = email_close, .thread_open = email_thread_open,
             .thread_close = email_thread_close, .run = run)
