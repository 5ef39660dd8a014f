/*
 * SMTP by libcurl: one handle, and with it one connection, a thread.
 *
 * What the relay answered decides between "again later" and "never", for each recipient: libcurl
 * tells that apart badly, so every reply line is looked at as it comes (it passes them where HTTP's
 * headers would go), and every command as it leaves (which only its debug function is told).
 * libcurl does the dots at the start of lines, STARTTLS, and AUTH.
 *
 * Two things it does not do. It keeps a connection although the answer to a message never came;
 * the answer would be taken for that of the next message. And it waits two minutes for the answer
 * to a QUIT, which it says as well where the relay has refused a message. So we know its sockets,
 * and shut them ourselves, which it notices.
 */
#include "mail_relay.h"

#include "libcurl.h"
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mail_dialogue.h"

enum {
    REUSE_SECONDS = 60, /* an older idle connection is not used again */
    SOCKETS_MAX = 8,    /* the one that is kept, and those of a host's several addresses */
};

struct mail_relay {
    const struct mail_relay_options *options;
    CURL *curl;
    CURLM *multi;             /* the connection that is kept */
    int sockets[SOCKETS_MAX]; /* that are open; -1: a free place */
    struct mail_dialogue dialogue;
    const struct bytes *message;
    size_t sent;    /* of the message, as far as libcurl has asked for it */
    size_t pending; /* recipients of this attempt */
    size_t told;    /* the progress that the call was told last */
    ferry_call *call;
    char detail[CURL_ERROR_SIZE];
};

/* ---- sockets ---- */

static void replace_socket(struct mail_relay *relay, int old, int new)
{
    size_t i = 0;
    while (i < SOCKETS_MAX && relay->sockets[i] != old)
        i++;
    if (i < SOCKETS_MAX)
        relay->sockets[i] = new;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    replace_socket(arg, -1, fd);
    return fd;
}

static int close_socket(void *arg, curl_socket_t fd)
{
    replace_socket(arg, fd, -1);
    return close(fd);
}

/* Shut all that is open; `how` is shutdown(2)'s. */
static void relay_shut(const struct mail_relay *relay, int how)
{
    for (size_t i = 0; i < SOCKETS_MAX; i++) {
        if (relay->sockets[i] >= 0)
            shutdown(relay->sockets[i], how);
    }
}

/* Tell whether there is something to read. */
static bool has_input(const struct mail_relay *relay)
{
    struct pollfd list[SOCKETS_MAX];
    for (size_t i = 0; i < SOCKETS_MAX; i++)
        list[i] = (struct pollfd){.fd = relay->sockets[i], .events = POLLIN};
    return poll(list, SOCKETS_MAX, 0) > 0;
}

/* ---- what libcurl calls ---- */

/* Tell whether libcurl has asked for all of the message. */
static bool is_whole(const struct mail_relay *relay)
{
    return relay->sent == relay->message->length;
}

static size_t on_read(char *buffer, size_t size, size_t count, void *arg)
{
    struct mail_relay *relay = arg;
    size_t room = size * count, left = relay->message->length - relay->sent;
    size_t n = left < room ? left : room;
    memcpy(buffer, relay->message->data + relay->sent, n);
    relay->sent += n;
    return n;
}

static size_t on_reply_line(char *line, size_t size, size_t count, void *arg)
{
    mail_dialogue_line(&((struct mail_relay *)arg)->dialogue, line, size * count);
    return size * count;
}

static int on_debug(CURL *curl, curl_infotype type, char *data, size_t length, void *arg)
{
    static const char quit[] = "QUIT\r\n";
    struct mail_relay *relay = arg;
    (void)curl;
    if (type != CURLINFO_HEADER_OUT)
        return 0;
    mail_dialogue_command(&relay->dialogue, data, length);
    if (length == sizeof quit - 1 && memcmp(data, quit, length) == 0)
        relay_shut(relay, SHUT_RD); /* all is said: its answer is not waited for */
    return 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    (void)data;
    (void)arg;
    return size * count;
}

/* Tell the call how far it is, when that has changed: recipients first, then the message. */
static void tell_progress(struct mail_relay *relay)
{
    enum { PARTS = 100 };
    size_t length = relay->message->length;
    size_t parts = length > 0 ? relay->sent * PARTS / length : 0;
    size_t now = parts > 0 ? MAIL_RECIPIENTS_MAX + parts : relay->dialogue.asked;
    char text[64];
    if (now == relay->told)
        return;
    relay->told = now;
    if (parts > 0)
        snprintf(text, sizeof text, "%zu of %zu KiB sent", relay->sent / 1024, length / 1024 + 1);
    else
        snprintf(text, sizeof text, "%zu of %zu recipients named", now, relay->pending);
    ferry_call_progress(relay->call, (double)parts / (PARTS + 1), text); /* the answer is due yet */
}

/* libcurl calls this whenever something has come, and once a second while it waits for the answer
 * to the message. */
static int on_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    struct mail_relay *relay = arg;
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    tell_progress(relay);
    if (!ferry_call_is_cancelled(relay->call))
        return 0;
    bool is_sent = relay->dialogue.stage == MAIL_STAGE_CONTENT && is_whole(relay);
    return !is_sent || !has_input(relay); /* an answer that is there is read: it may be a 250 */
}

/* ---- a relay's life ---- */

static void set_security(CURL *curl, const struct mail_relay_options *options)
{
    static const long levels[] = {
        [MAIL_STARTTLS_NONE] = CURLUSESSL_NONE,
        [MAIL_STARTTLS_TRY] = CURLUSESSL_TRY,
        [MAIL_STARTTLS_REQUIRE] = CURLUSESSL_ALL,
    };
    curl_easy_setopt(curl, CURLOPT_USE_SSL, levels[options->starttls]);
    /* Who can forge a certificate can as well hide that STARTTLS was offered: with "try" a check
     * would only keep mail from relays whose certificate nobody signed. */
    bool is_verified = options->starttls != MAIL_STARTTLS_TRY ||
                       strncmp(options->url, "smtps:", sizeof "smtps:" - 1) == 0;
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, is_verified ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, is_verified ? 2L : 0L);
    if (options->ca_file) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, options->ca_file);
        curl_easy_setopt(curl, CURLOPT_CAPATH,
                         NULL); /* those whom the system trusts are not asked */
    }
    if (options->username)
        curl_easy_setopt(curl, CURLOPT_USERNAME, options->username);
    if (options->password)
        curl_easy_setopt(curl, CURLOPT_PASSWORD, options->password);
    if (options->oauth_token_file) /* of all that a relay offers, these alone take a token */
        curl_easy_setopt(curl, CURLOPT_LOGIN_OPTIONS, "AUTH=OAUTHBEARER;AUTH=XOAUTH2");
}

static void set_callbacks(CURL *curl, struct mail_relay *relay)
{
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, relay);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_reply_line);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, relay);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, relay);
    curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA, relay);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, relay);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, on_debug);
    curl_easy_setopt(curl, CURLOPT_DEBUGDATA, relay);
    curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L); /* to on_debug only */
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, relay->detail);
}

struct mail_relay *mail_relay_new(const struct mail_relay_options *options)
{
    struct mail_relay *relay = calloc(1, sizeof *relay);
    CURL *curl = relay ? curl_easy_init() : NULL;
    CURLM *multi = curl ? curl_multi_init() : NULL;
    if (!multi) {
        if (curl)
            curl_easy_cleanup(curl);
        free(relay);
        return NULL;
    }
    relay->options = options;
    relay->curl = curl;
    relay->multi = multi;
    for (size_t i = 0; i < SOCKETS_MAX; i++)
        relay->sockets[i] = -1;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);   /* no SIGALRM in a program with threads */
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L); /* else it waits for a look-up past its time */
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* not what the environment says */
    curl_easy_setopt(curl, CURLOPT_URL, options->url);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
    set_callbacks(curl, relay);
    curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, (long)REUSE_SECONDS);
    set_security(curl, options);
    return relay;
}

void mail_relay_free(struct mail_relay *relay)
{
    if (!relay)
        return;
    relay_shut(relay, SHUT_RD); /* the QUIT still goes out; its answer is not waited for */
    curl_easy_cleanup(relay->curl);
    curl_multi_cleanup(relay->multi);
    free(relay);
}

/* ---- sending ---- */

/* As curl_easy_perform does it, but that a cancel wakes it. */
static CURLcode converse(struct mail_relay *relay)
{
    CURLM *multi = relay->multi;
    int running = 1, left;
    ferry_call_set_data(relay->call, multi);
    CURLMcode rc = curl_multi_add_handle(multi, relay->curl);
    while (rc == CURLM_OK && running) {
        rc = curl_multi_perform(multi, &running);
        if (rc == CURLM_OK && running)
            rc = curl_multi_poll(multi, NULL, 0, INT_MAX, NULL); /* libcurl knows the deadline */
    }
    ferry_call_set_data(relay->call, NULL);
    const CURLMsg *message = curl_multi_info_read(multi, &left);
    CURLcode result = message ? message->data.result : CURLE_OUT_OF_MEMORY;
    curl_multi_remove_handle(multi, relay->curl);
    return result;
}

static CURLcode relay_perform(struct mail_relay *relay)
{
    int64_t left_ms = ferry_call_time_left_ms(relay->call);
    if (left_ms > relay->options->timeout_ms)
        left_ms = relay->options->timeout_ms;
    if (left_ms <= 0) /* 0 would mean no timeout to libcurl */
        return CURLE_OPERATION_TIMEDOUT;
    if (left_ms > INT_MAX)
        left_ms = INT_MAX; /* libcurl takes no more */
    curl_easy_setopt(relay->curl, CURLOPT_TIMEOUT_MS, (long)left_ms);
    curl_easy_setopt(relay->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)left_ms);
    /* Of one reply, for which libcurl would wait two minutes at most. */
    curl_easy_setopt(relay->curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)(left_ms / 1000 + 1));
    relay->dialogue = (struct mail_dialogue){0};
    relay->sent = 0;
    relay->told = 0;
    relay->detail[0] = '\0';
    CURLcode rc = converse(relay);
    if (rc != CURLE_OK)
        relay_shut(relay, SHUT_RDWR); /* whatever it would say next is not about the next message */
    return rc;
}

/* Tell whether a failure only means that the relay had closed the connection since its last use:
 * it answered nothing this time, or "421 closing". */
static bool is_stale_connection(const struct mail_relay *relay, CURLcode rc)
{
    const struct mail_dialogue *dialogue = &relay->dialogue;
    long connects = 0;
    curl_easy_getinfo(relay->curl, CURLINFO_NUM_CONNECTS, &connects);
    return rc != CURLE_OK && rc != CURLE_OPERATION_TIMEDOUT && rc != CURLE_ABORTED_BY_CALLBACK &&
           connects == 0 && dialogue->stage <= MAIL_STAGE_SENDER &&
           (dialogue->last.code == 0 || dialogue->last.code == 421);
}

/* ---- what came of it ---- */

/* At RCPT a 552 is a 452, too many recipients, as old servers say it (RFC 5321, 4.5.3.1.10); unless
 * it says more, and that it is about the mailbox. */
static enum mail_status status_at_rcpt(const struct mail_reply *reply)
{
    if (reply->code == 552 && strncmp(reply->text, "5.2.", 4) != 0)
        return MAIL_DEFERRED;
    return mail_status_of(reply->code);
}

static void set_verdict(struct mail_recipient *recipient, enum mail_status status,
                        const struct mail_reply *reply)
{
    recipient->status = status;
    recipient->reply = *reply;
}

/* Tell whether every recipient has a refusal of its own. */
static bool is_refused_to_all(const struct mail_relay *relay)
{
    const struct mail_dialogue *dialogue = &relay->dialogue;
    size_t refused = 0;
    while (refused < dialogue->asked && dialogue->recipients[refused].code >= 400)
        refused++;
    return refused == relay->pending;
}

/* Tell whether the relay has taken the message. It has, whatever comes then: libcurl asks once more
 * whether the call was cancelled. */
static bool is_taken(const struct mail_dialogue *dialogue)
{
    return dialogue->stage == MAIL_STAGE_CONTENT && dialogue->is_complete &&
           mail_status_of(dialogue->last.code) == MAIL_ACCEPTED;
}

/* Tell whether the relay has said what becomes of every recipient. To MAIL, DATA and the message
 * it answers for all of them; to RCPT for one. Its 421 is about the connection. A refusal before
 * MAIL is about who we are and how we connect; every message would meet it. */
static bool is_answered(const struct mail_relay *relay, CURLcode rc)
{
    const struct mail_dialogue *dialogue = &relay->dialogue;
    if (rc == CURLE_OK || is_taken(dialogue))
        return true;
    if (rc == CURLE_ABORTED_BY_CALLBACK || rc == CURLE_OPERATION_TIMEDOUT ||
        dialogue->stage == MAIL_STAGE_HELLO || dialogue->last.code < 400 ||
        dialogue->last.code == 421)
        return false;
    return dialogue->stage != MAIL_STAGE_RECIPIENTS || is_refused_to_all(relay);
}

/* Give each recipient who was pending what the relay said of it: its own refusal, else the answer
 * to all. Without an answer to all, a refusal for good holds all the same. */
static void deliver_verdicts(const struct mail_relay *relay, struct mail_delivery *delivery,
                             bool is_complete)
{
    const struct mail_dialogue *dialogue = &relay->dialogue;
    size_t asked = 0;
    for (size_t i = 0; i < delivery->count; i++) {
        struct mail_recipient *recipient = &delivery->recipients[i];
        if (recipient->status != MAIL_PENDING)
            continue;
        const struct mail_reply *own = &dialogue->recipients[asked++];
        enum mail_status status = status_at_rcpt(own);
        if (own->code > 0 && status != MAIL_ACCEPTED) {
            if (is_complete || status == MAIL_REFUSED)
                set_verdict(recipient, status, own);
        } else if (is_complete) {
            set_verdict(recipient, mail_status_of(dialogue->last.code), &dialogue->last);
        }
    }
}

static int relay_report(const struct mail_relay *relay, CURLcode rc, struct mail_report *report)
{
    const struct mail_reply *reply = &relay->dialogue.last;
    const char *url = relay->options->url;
    report->code = reply->code >= 400 ? reply->code : 0;
    if (rc == CURLE_ABORTED_BY_CALLBACK)
        return ferry_error_set(&report->error, FERRY_CANCELLED,
                               "cancelled while talking to the relay");
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return ferry_error_set(&report->error, FERRY_TRANSIENT, "relay %s: no answer in time", url);
    if (report->code > 0)
        return ferry_error_set(&report->error, FERRY_TRANSIENT, "the relay refused for now: %d %s",
                               reply->code, reply->text);
    if (relay->dialogue.stage == MAIL_STAGE_CONTENT && is_whole(relay))
        return ferry_error_set(
            &report->error, FERRY_TRANSIENT,
            "relay %s: the connection was lost before the answer to the message; "
            "it may have arrived, and is sent again with the same Message-ID",
            url);
    return ferry_error_set(&report->error, FERRY_TRANSIENT, "relay %s: %s", url,
                           relay->detail[0] ? relay->detail : curl_easy_strerror(rc));
}

/* ---- sending ---- */

/* A token lives for an hour or so, and somebody else renews it: it is read each time. */
static int read_token(const struct mail_relay *relay, ferry_error *error)
{
    struct bytes token = {0};
    ferry_error problem;
    const char *path = relay->options->oauth_token_file;
    if (!path)
        return 0;
    if (bytes_read_secret(&token, path, MAIL_TOKEN_MAX_BYTES, &problem) < 0) {
        bytes_fini(&token);
        return ferry_error_set(error, FERRY_TRANSIENT, "oauth_token_file: %s", problem.message);
    }
    char *text = bytes_take(&token);
    if (!text)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    text[strcspn(text, "\r\n")] = '\0';
    curl_easy_setopt(relay->curl, CURLOPT_XOAUTH2_BEARER, text);
    free(text);
    return 0;
}

/* Those who are pending, in their order. */
static struct curl_slist *recipient_list(const struct mail_delivery *delivery)
{
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < delivery->count; i++) {
        if (delivery->recipients[i].status != MAIL_PENDING)
            continue;
        struct curl_slist *longer = curl_slist_append(list, delivery->recipients[i].address);
        if (!longer) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

int mail_relay_send(struct mail_relay *relay, const struct mail_envelope *envelope,
                    ferry_call *call, struct mail_report *report)
{
    CURL *curl = relay->curl;
    *report = (struct mail_report){0};
    int result = read_token(relay, &report->error);
    if (result < 0)
        return result;
    struct curl_slist *recipients = recipient_list(envelope->delivery);
    if (!recipients)
        return ferry_error_set(&report->error, FERRY_INTERNAL, "no memory");
    relay->message = envelope->message;
    relay->call = call;
    relay->pending = mail_delivery_count(envelope->delivery, MAIL_PENDING);
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, envelope->from->address);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)envelope->message->length);
    CURLcode rc = relay_perform(relay);
    if (is_stale_connection(relay, rc))
        rc = relay_perform(relay); /* on a new one */
    bool is_complete = is_answered(relay, rc);
    deliver_verdicts(relay, envelope->delivery, is_complete);
    if (!is_complete)
        result = relay_report(relay, rc, report);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, NULL);
    curl_slist_free_all(recipients);
    relay->message = NULL;
    relay->call = NULL;
    return result;
}
