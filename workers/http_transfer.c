/*
 * Transfers. Each belongs to one thread; nothing is shared but libcurl's own start.
 *
 * The handle is reset before each transfer, which keeps its connections and forgets everything
 * else: no option of one request reaches the next. A URL may hold a secret, so messages name the
 * host only.
 */
#include "http_transfer.h"

#include "libcurl.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <ferry/version.h>

#include "certificate_file.h"

enum {
    REUSE_SECONDS = 30, /* an older idle connection is not used again */
    EXCERPT_BYTES = 140,
    RETRY_AFTER_MAX_SECONDS = 24 * 60 * 60,
};

struct http_transfer {
    const struct http_options *options;
    CURL *curl;
    CURLM *multi; /* the connections that are kept */
    /* Of the transfer that runs. */
    ferry_call *call;
    struct http_answer *answer;
    bool is_repeatable;
    bool may_send;
    bool has_sent; /* or begun to */
    bool was_refused;
    unsigned percent; /* that was reported last */
    char detail[CURL_ERROR_SIZE];
};

/* Set one option, unless one before it failed. */
#define SET(rc, curl, option, value)                                                               \
    ((rc) = (rc) != CURLE_OK ? (rc) : curl_easy_setopt(curl, option, value))

/* ---- options ---- */

int http_options_read(struct http_options *options, int64_t default_timeout_ms,
                      ferry_settings *settings, ferry_error *error)
{
    const char *wrong = libcurl_load();
    if (wrong)
        return ferry_error_set(error, FERRY_INTERNAL, "libcurl: %s", wrong);
    options->timeout_ms = ferry_settings_duration_ms(settings, "timeout", default_timeout_ms);
    options->ca_file = ferry_settings_string(settings, "ca_file", NULL);
    options->proxy = ferry_settings_string(settings, "proxy", NULL);
    if (options->timeout_ms <= 0)
        ferry_settings_fail(settings, "timeout", "timeout: must be more than 0");
    ferry_error problem;
    if (options->ca_file && certificate_file_check(options->ca_file, &problem) < 0)
        ferry_settings_fail(settings, "ca_file", "%s", problem.message);
    return 0;
}

/* ---- answers ---- */

void http_answer_fini(struct http_answer *answer)
{
    bytes_fini(&answer->body);
    *answer = (struct http_answer){0};
}

void http_answer_append_excerpt(const struct http_answer *answer, struct bytes *out)
{
    size_t length = answer->body.length, end = 0;
    while (end < length && end < EXCERPT_BYTES) {
        size_t size = utf8_length(answer->body.data + end, length - end);
        if (size > 1)
            bytes_append(out, answer->body.data + end, size);
        else
            bytes_append_char(out, size == 1 && (unsigned char)answer->body.data[end] > ' ' &&
                                           answer->body.data[end] != 0x7F
                                       ? answer->body.data[end]
                                       : ' ');
        end += size ? size : 1;
    }
    if (end < length)
        bytes_append_text(out, "...");
}

/* ---- what libcurl calls ---- */

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct http_transfer *transfer = arg;
    struct http_answer *answer = transfer->answer;
    size_t length = size * count, room = transfer->options->body_limit - answer->body.length;
    answer->is_cut = length > room;
    bytes_append(&answer->body, data, answer->is_cut ? room : length);
    return answer->is_cut || answer->body.failed ? 0 : length;
}

static void report_progress(struct http_transfer *transfer, curl_off_t total, curl_off_t done)
{
    unsigned percent = total > 0 ? (unsigned)(done * 100 / total) : 0;
    if (percent == transfer->percent || percent > 100)
        return;
    char message[80];
    transfer->percent = percent;
    snprintf(message, sizeof message, "%lld of %lld bytes", (long long)done, (long long)total);
    ferry_call_progress(transfer->call, (double)done / (double)total, message);
}

static int on_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    (void)up_total, (void)up;
    report_progress(arg, down_total, down);
    return 0;
}

/* libcurl asks before it sends a request. Where a connection that was used before breaks, it would
 * send it again on another: the peer may have taken it, and the caller has to know. */
static int on_send(void *arg, char *peer, char *own, int peer_port, int own_port)
{
    struct http_transfer *transfer = arg;
    (void)peer, (void)own, (void)peer_port, (void)own_port;
    transfer->was_refused = !transfer->may_send;
    transfer->may_send = transfer->is_repeatable;
    transfer->has_sent = true;
    return transfer->was_refused ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* A child process of another worker must not inherit it. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)arg, (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- a transfer's life ---- */

struct http_transfer *http_transfer_new(const struct http_options *options)
{
    struct http_transfer *transfer = calloc(1, sizeof *transfer);
    if (!transfer)
        return NULL;
    transfer->options = options;
    transfer->curl = curl_easy_init();
    transfer->multi = curl_multi_init();
    if (transfer->curl && transfer->multi)
        return transfer;
    http_transfer_free(transfer);
    return NULL;
}

void http_transfer_free(struct http_transfer *transfer)
{
    if (!transfer)
        return;
    curl_easy_cleanup(transfer->curl);
    curl_multi_cleanup(transfer->multi);
    free(transfer);
}

/* ---- setting up ---- */

static CURLcode set_way(CURL *curl, const struct http_options *options)
{
    CURLcode rc = CURLE_OK;
    SET(rc, curl, CURLOPT_NOSIGNAL, 1L);   /* no SIGALRM in a program with threads */
    SET(rc, curl, CURLOPT_QUICK_EXIT, 1L); /* else it waits for a look-up past its time */
    SET(rc, curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(rc, curl, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(rc, curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(rc, curl, CURLOPT_PATH_AS_IS, 1L); /* what was checked is what is asked for */
    SET(rc, curl, CURLOPT_PROXY, options->proxy ? options->proxy : "");
    SET(rc, curl, CURLOPT_NOPROXY, ""); /* else the environment's exceptions */
    SET(rc, curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(rc, curl, CURLOPT_MAXAGE_CONN, (long)REUSE_SECONDS);
    SET(rc, curl, CURLOPT_USERAGENT, "ferry/" FERRY_VERSION);
    if (options->ca_file) {
        SET(rc, curl, CURLOPT_CAINFO, options->ca_file);
        SET(rc, curl, CURLOPT_CAPATH, NULL); /* those whom the system trusts are not asked */
    }
    return rc;
}

static CURLcode set_callbacks(struct http_transfer *transfer)
{
    CURL *curl = transfer->curl;
    CURLcode rc = CURLE_OK;
    SET(rc, curl, CURLOPT_ERRORBUFFER, transfer->detail);
    SET(rc, curl, CURLOPT_WRITEFUNCTION, on_body);
    SET(rc, curl, CURLOPT_WRITEDATA, transfer);
    SET(rc, curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(rc, curl, CURLOPT_XFERINFODATA, transfer);
    SET(rc, curl, CURLOPT_NOPROGRESS, transfer->options->reports_progress ? 0L : 1L);
    SET(rc, curl, CURLOPT_PREREQFUNCTION, on_send);
    SET(rc, curl, CURLOPT_PREREQDATA, transfer);
    return rc;
}

static CURLcode set_time(CURL *curl, int64_t limit_ms)
{
    CURLcode rc = CURLE_OK;
    SET(rc, curl, CURLOPT_TIMEOUT_MS, (long)limit_ms);
    SET(rc, curl, CURLOPT_CONNECTTIMEOUT_MS, (long)limit_ms);
    return rc;
}

static CURLcode set_request(CURL *curl, const struct http_request *request)
{
    CURLcode rc = CURLE_OK;
    SET(rc, curl, CURLOPT_URL, request->url->text);
    if (strcmp(request->method, "HEAD") == 0) {
        SET(rc, curl, CURLOPT_NOBODY, 1L);
    } else if (request->body) {
        SET(rc, curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
        SET(rc, curl, CURLOPT_POSTFIELDS, request->body);
        SET(rc, curl, CURLOPT_CUSTOMREQUEST, request->method);
    } else {
        SET(rc, curl, CURLOPT_CUSTOMREQUEST, request->method);
    }
    if (request->sigv4) {
        SET(rc, curl, CURLOPT_AWS_SIGV4, request->sigv4);
        SET(rc, curl, CURLOPT_USERNAME, request->username);
        SET(rc, curl, CURLOPT_PASSWORD, request->password);
    }
    return rc;
}

static bool append(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = line ? curl_slist_append(*list, line) : NULL;
    if (longer)
        *list = longer;
    return longer != NULL;
}

/* May be empty; not complete: no memory. "Name:" takes out what libcurl would add by itself;
 * "Name;" is a header without a value. Its SigV4 would sign a header that was taken out, and does
 * without. */
static struct curl_slist *header_list(const struct http_request *request, bool *complete)
{
    struct curl_slist *list = NULL;
    bool ok = request->sigv4 || append(&list, "Expect:");
    if (ok && !request->sigv4 && !http_request_has_header(request, "Content-Type"))
        ok = append(&list, "Content-Type:");
    const char *header = NULL;
    while (ok && (header = http_request_next_header(request, header))) {
        size_t name = strcspn(header, ":");
        bool is_empty = !header[name + 1 + strspn(header + name + 1, " \t")];
        char *line = is_empty ? text_printf("%.*s;", (int)name, header) : NULL;
        ok = append(&list, is_empty ? line : header);
        free(line);
    }
    *complete = ok;
    return list;
}

/* ---- performing ---- */

/* Until the answer is whole, or nobody wants it any more. libcurl's own way would throw away a
 * whole answer when the call is cancelled meanwhile: what has come by then is looked at first, as
 * it says what the peer has done. */
static CURLcode converse(struct http_transfer *transfer)
{
    CURLM *multi = transfer->multi;
    bool is_cancelled = false;
    int running = 1, left;
    ferry_call_set_data(transfer->call, multi);
    CURLMcode rc = curl_multi_add_handle(multi, transfer->curl);
    while (rc == CURLM_OK && running && !is_cancelled) {
        is_cancelled = ferry_call_is_cancelled(transfer->call);
        if (is_cancelled && !transfer->has_sent)
            break;
        rc = curl_multi_perform(multi, &running);
        if (rc == CURLM_OK && running && !is_cancelled)
            rc = curl_multi_poll(multi, NULL, 0, INT_MAX, NULL); /* libcurl knows the deadline */
    }
    ferry_call_set_data(transfer->call, NULL);
    const CURLMsg *message = curl_multi_info_read(multi, &left);
    CURLcode result = message          ? message->data.result
                      : rc == CURLM_OK ? CURLE_ABORTED_BY_CALLBACK
                                       : CURLE_OUT_OF_MEMORY;
    curl_multi_remove_handle(multi, transfer->curl);
    return result;
}

static int64_t retry_after_ms(CURL *curl)
{
    struct curl_header *header;
    curl_off_t seconds = 0;
    if (curl_easy_header(curl, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK ||
        curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK)
        return -1;
    return (seconds > RETRY_AFTER_MAX_SECONDS ? RETRY_AFTER_MAX_SECONDS : seconds) * 1000;
}

static int transfer_report(struct http_transfer *transfer, const struct http_request *request,
                           CURLcode rc, ferry_error *error)
{
    const char *host = request->url->host;
    struct http_answer *answer = transfer->answer;
    if (answer->body.failed || rc == CURLE_OUT_OF_MEMORY)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory for the answer of %s", host);
    if (rc == CURLE_WRITE_ERROR && answer->is_cut && !transfer->options->cuts_body)
        return ferry_error_set(error, FERRY_TOO_LARGE, "%s: the answer has more than %zu bytes",
                               host, transfer->options->body_limit);
    if (rc == CURLE_OK || (rc == CURLE_WRITE_ERROR && answer->is_cut))
        return 0;
    if (transfer->was_refused)
        return ferry_error_set(error, FERRY_TRANSIENT,
                               "%s: the connection was lost before the answer", host);
    if (rc == CURLE_ABORTED_BY_CALLBACK && ferry_call_time_left_ms(transfer->call) > 0)
        return ferry_error_set(error, FERRY_CANCELLED, "cancelled while talking to %s", host);
    if (rc == CURLE_OPERATION_TIMEDOUT || rc == CURLE_ABORTED_BY_CALLBACK)
        return ferry_error_set(error, FERRY_DEADLINE, "%s: no answer in time", host);
    return ferry_error_set(error, rc == CURLE_URL_MALFORMAT ? FERRY_INVALID : FERRY_TRANSIENT,
                           "%s: %s", host,
                           transfer->detail[0] ? transfer->detail : curl_easy_strerror(rc));
}

static int perform(struct http_transfer *transfer, const struct http_request *request,
                   struct curl_slist *headers, int64_t limit_ms, ferry_error *error)
{
    CURL *curl = transfer->curl;
    transfer->detail[0] = '\0';
    transfer->percent = 0;
    transfer->is_repeatable = request->is_repeatable;
    transfer->may_send = true;
    transfer->has_sent = false;
    transfer->was_refused = false;
    curl_easy_reset(curl);
    CURLcode rc = set_way(curl, transfer->options);
    if (rc == CURLE_OK)
        rc = set_callbacks(transfer);
    if (rc == CURLE_OK)
        rc = set_time(curl, limit_ms);
    if (rc == CURLE_OK)
        rc = set_request(curl, request);
    SET(rc, curl, CURLOPT_HTTPHEADER, headers);
    if (rc == CURLE_OK)
        rc = converse(transfer);
    int result = transfer_report(transfer, request, rc, error);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &transfer->answer->status);
    transfer->answer->retry_after_ms = retry_after_ms(curl);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    return result;
}

int http_transfer_perform(struct http_transfer *transfer, const struct http_request *request,
                          ferry_call *call, struct http_answer *answer, ferry_error *error)
{
    *answer = (struct http_answer){.retry_after_ms = -1};
    int64_t limit_ms = ferry_call_time_left_ms(call);
    if (limit_ms <= 0) /* 0 would mean no timeout to libcurl */
        return ferry_error_set(error, FERRY_DEADLINE, "no time is left to ask %s",
                               request->url->host);
    if (limit_ms > transfer->options->timeout_ms)
        limit_ms = transfer->options->timeout_ms;
    if (limit_ms > INT_MAX)
        limit_ms = INT_MAX; /* libcurl takes no more */
    bool complete;
    struct curl_slist *headers = header_list(request, &complete);
    transfer->call = call;
    transfer->answer = answer;
    int rc = complete ? perform(transfer, request, headers, limit_ms, error)
                      : ferry_error_set(error, FERRY_INTERNAL, "no memory");
    curl_slist_free_all(headers);
    transfer->call = NULL;
    transfer->answer = NULL;
    return rc;
}

const char *http_transfer_header(struct http_transfer *transfer, const char *name)
{
    struct curl_header *header;
    if (curl_easy_header(transfer->curl, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return NULL;
    return header->value;
}

const char *http_transfer_redirect(struct http_transfer *transfer)
{
    char *url = NULL;
    curl_easy_getinfo(transfer->curl, CURLINFO_REDIRECT_URL, &url);
    return url;
}
