/*
 * SMTP by libcurl's easy interface: one handle, and with it one connection, a thread.
 *
 * What the relay answered decides between "again later" and "never": libcurl tells both apart
 * badly, so every reply line is looked at as it comes (it passes them where HTTP's headers would
 * go). libcurl does the dots at the start of lines, STARTTLS, and AUTH.
 *
 * Two things it does not do. It keeps a connection although the answer to a message never came;
 * the answer would be taken for that of the next message. And it waits two minutes for the answer
 * to a QUIT. So we shut the socket ourselves, which it notices.
 */
#include "mail_relay.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { REUSE_SECONDS = 60 }; /* an older idle connection is not used again */

/* The last reply of the relay. */
struct reply {
    long code;
    bool is_complete; /* its last line was seen: the next one begins another reply */
    char text[200];
};

struct mail_relay {
    const struct mail_relay_options *options;
    CURL *curl;
    struct reply reply;
    const struct bytes *message;
    size_t sent; /* of the message, as far as libcurl has asked for it */
    char detail[CURL_ERROR_SIZE];
};

static pthread_once_t init_once = PTHREAD_ONCE_INIT;
static CURLcode init_result;

static void init(void)
{
    init_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

int mail_relay_init(void)
{
    pthread_once(&init_once, init);
    return init_result == CURLE_OK ? 0 : FERRY_INTERNAL;
}

/* ---- what libcurl calls ---- */

static size_t on_read(char *buffer, size_t size, size_t count, void *arg)
{
    struct mail_relay *relay = arg;
    size_t room = size * count, left = relay->message->length - relay->sent;
    size_t n = left < room ? left : room;
    memcpy(buffer, relay->message->data + relay->sent, n);
    relay->sent += n;
    return n;
}

/* One line of a reply: "250-SIZE 1000\r\n" or, the last one, "250 OK\r\n". */
static size_t on_reply_line(char *line, size_t size, size_t count, void *arg)
{
    struct reply *reply = &((struct mail_relay *)arg)->reply;
    size_t length = size * count, text = length > 4 ? 4 : length;
    char digits[4] = "";
    memcpy(digits, line, length < 3 ? length : 3);
    long code = strtol(digits, NULL, 10);
    if (code < 100 || code == 221) /* 221 answers the QUIT, after what matters */
        return length;
    if (reply->is_complete || reply->code != code)
        *reply = (struct reply){.code = code};
    reply->is_complete = length < 4 || line[3] != '-';
    size_t end = length;
    while (end > text && (unsigned char)line[end - 1] <= ' ')
        end--;
    size_t used = strlen(reply->text);
    snprintf(reply->text + used, sizeof reply->text - used, "%s%.*s", used ? " " : "",
             (int)(end - text), line + text);
    return length;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    (void)data;
    (void)arg;
    return size * count;
}

/* libcurl calls this at least once a second. */
static int on_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    return ferry_call_is_cancelled(arg);
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
    if (options->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, options->ca_file);
    if (options->username) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, options->username);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, options->password);
    }
}

struct mail_relay *mail_relay_new(const struct mail_relay_options *options)
{
    struct mail_relay *relay = calloc(1, sizeof *relay);
    CURL *curl = relay ? curl_easy_init() : NULL;
    if (!curl) {
        free(relay);
        return NULL;
    }
    relay->options = options;
    relay->curl = curl;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L); /* no SIGALRM in a program with threads */
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* not what the environment says */
    curl_easy_setopt(curl, CURLOPT_URL, options->url);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, relay);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_reply_line);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, relay);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, relay->detail);
    curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, (long)REUSE_SECONDS);
    set_security(curl, options);
    return relay;
}

/* Shut the connection that is kept, if there is one; `how` is shutdown(2)'s. */
static void relay_shut(struct mail_relay *relay, int how)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (curl_easy_getinfo(relay->curl, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK &&
        fd != CURL_SOCKET_BAD)
        shutdown(fd, how);
}

void mail_relay_free(struct mail_relay *relay)
{
    if (!relay)
        return;
    relay_shut(relay, SHUT_RD); /* the QUIT still goes out; its answer is not waited for */
    curl_easy_cleanup(relay->curl);
    free(relay);
}

/* ---- sending ---- */

static CURLcode relay_perform(struct mail_relay *relay, const ferry_call *call)
{
    int64_t left_ms = ferry_call_time_left_ms(call);
    if (left_ms > relay->options->timeout_ms)
        left_ms = relay->options->timeout_ms;
    if (left_ms <= 0) /* 0 would mean no timeout to libcurl */
        return CURLE_OPERATION_TIMEDOUT;
    curl_easy_setopt(relay->curl, CURLOPT_TIMEOUT_MS, (long)left_ms);
    curl_easy_setopt(relay->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)left_ms);
    relay->reply = (struct reply){0};
    relay->sent = 0;
    relay->detail[0] = '\0';
    CURLcode rc = curl_easy_perform(relay->curl);
    if (rc != CURLE_OK)
        relay_shut(relay, SHUT_RDWR); /* whatever it would say next is not about the next message */
    return rc;
}

/* Tell whether a failure only means that the relay had closed the connection since its last use:
 * it answered nothing this time, or "421 closing". */
static bool is_stale_connection(const struct mail_relay *relay, CURLcode rc)
{
    long connects = 0;
    curl_easy_getinfo(relay->curl, CURLINFO_NUM_CONNECTS, &connects);
    return rc != CURLE_OK && rc != CURLE_OPERATION_TIMEDOUT && rc != CURLE_ABORTED_BY_CALLBACK &&
           connects == 0 && (relay->reply.code == 0 || relay->reply.code == 421);
}

/* Tell whether what went wrong is the relay's reply to this message: to MAIL, RCPT or DATA, which
 * libcurl calls a send error, or to the message itself. A 5xx before that is about who we are and
 * how we connect; every message would meet it. */
static bool is_about_message(const struct mail_relay *relay, CURLcode rc)
{
    return rc == CURLE_SEND_ERROR || relay->sent > 0;
}

/* Authentication needed or failed: the configuration's fault, not the message's. */
static bool is_about_authentication(long code)
{
    return code == 530 || code == 535 || code == 538;
}

static int relay_report(const struct mail_relay *relay, CURLcode rc, ferry_error *error)
{
    const struct reply *reply = &relay->reply;
    if (rc == CURLE_OK)
        return 0;
    if (rc == CURLE_ABORTED_BY_CALLBACK)
        return ferry_error_set(error, FERRY_CANCELLED, "cancelled while talking to the relay");
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return ferry_error_set(error, FERRY_TRANSIENT, "relay %s: no answer in time",
                               relay->options->url);
    if (reply->code >= 500 && is_about_message(relay, rc) && !is_about_authentication(reply->code))
        return ferry_error_set(error, FERRY_UNPROCESSABLE, "the relay refused: %ld %s", reply->code,
                               reply->text);
    if (reply->code >= 400)
        return ferry_error_set(error, FERRY_TRANSIENT, "the relay refused for now: %ld %s",
                               reply->code, reply->text);
    return ferry_error_set(error, FERRY_TRANSIENT, "relay %s: %s", relay->options->url,
                           relay->detail[0] ? relay->detail : curl_easy_strerror(rc));
}

static struct curl_slist *recipient_list(const struct mail_envelope *envelope)
{
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < envelope->recipient_count; i++) {
        struct curl_slist *longer = curl_slist_append(list, envelope->recipients[i].address);
        if (!longer) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

int mail_relay_send(struct mail_relay *relay, const struct mail_envelope *envelope,
                    const ferry_call *call, ferry_error *error)
{
    CURL *curl = relay->curl;
    struct curl_slist *recipients = recipient_list(envelope);
    if (!recipients)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    relay->message = envelope->message;
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, envelope->from->address);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)envelope->message->length);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, (void *)call);
    CURLcode rc = relay_perform(relay, call);
    if (is_stale_connection(relay, rc))
        rc = relay_perform(relay, call); /* on a new one */
    int result = relay_report(relay, rc, error);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, NULL);
    curl_slist_free_all(recipients);
    relay->message = NULL;
    return result;
}
