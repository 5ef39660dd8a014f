/*
 * Setting a transfer up: options checked, and said in libcurl's words.
 *
 * Some of them matter for the loop. NOSIGNAL: no SIGALRM. QUICK_EXIT: taking a transfer off does
 * not wait for its thread that looks up a name. SOCKS5_AUTH: GSSAPI would block. The whole timeout
 * is not libcurl's but the client's: libcurl has none for a transfer that waits for a connection.
 */
#include "transfer_setup.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ascii.h"
#include "header_text.h"
#include "response.h"
#include "transfer.h"

enum { DEFAULT_TIMEOUT_MS = 20000, DEFAULT_REDIRECTS = 5 };

/* Set one option, unless one before it failed. */
#define SET(rc, curl, option, value)                                                               \
    ((rc) = (rc) != CURLE_OK ? (rc) : curl_easy_setopt(curl, option, value))

static int setup_failed(struct transfer *transfer, CURLcode rc)
{
    bool is_ours = rc == CURLE_OUT_OF_MEMORY || rc == CURLE_UNKNOWN_OPTION;
    return ferry_error_set(&transfer->error, is_ours ? FERRY_INTERNAL : FERRY_INVALID, "%s",
                           curl_easy_strerror(rc));
}

/* ---- checks ---- */

static int check_url(struct transfer *transfer, const char *url)
{
    char *scheme = NULL;
    CURLU *parsed = curl_url();
    CURLUcode rc = parsed ? curl_url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME)
                          : CURLUE_OUT_OF_MEMORY;
    if (rc == CURLUE_OK)
        rc = curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0);
    if (rc != CURLUE_OK)
        ferry_error_set(&transfer->error,
                        rc == CURLUE_OUT_OF_MEMORY ? FERRY_INTERNAL : FERRY_INVALID, "url: %s",
                        curl_url_strerror(rc));
    else if (ascii_compare(scheme, "http") != 0 && ascii_compare(scheme, "https") != 0)
        ferry_error_set(&transfer->error, FERRY_INVALID, "url: the scheme is http or https, not %s",
                        scheme);
    curl_free(scheme);
    curl_url_cleanup(parsed);
    return transfer->error.code;
}

static int check_header(struct transfer *transfer, const ferry_header *header)
{
    if (!header->name || !header->value || !header_is_name(header->name) ||
        header_is_framing(header->name) || !header_is_value(header->value))
        return ferry_error_set(&transfer->error, FERRY_INVALID,
                               "header %s: its name or value would break the request",
                               header->name && header_is_name(header->name) ? header->name : "?");
    return 0;
}

static int check_options(struct transfer *transfer, const ferry_fetch_options *options)
{
    if (!options->url)
        return ferry_error_set(&transfer->error, FERRY_INVALID, "url: there is none");
    if (options->method && !header_is_name(options->method))
        return ferry_error_set(&transfer->error, FERRY_INVALID, "method: is not a token");
    if (options->method && strcmp(options->method, "HEAD") == 0 && options->body_length > 0)
        return ferry_error_set(&transfer->error, FERRY_INVALID, "method: HEAD has no body");
    if (!options->body && options->body_length > 0)
        return ferry_error_set(&transfer->error, FERRY_INVALID, "body: NULL, with a length");
    if (!options->headers && options->header_count > 0)
        return ferry_error_set(&transfer->error, FERRY_INVALID, "headers: NULL, with a count");
    if (options->user && strchr(options->user, ':'))
        return ferry_error_set(&transfer->error, FERRY_INVALID, "user: has a colon");
    for (size_t i = 0; i < options->header_count; i++) {
        if (check_header(transfer, &options->headers[i]) < 0)
            return transfer->error.code;
    }
    return check_url(transfer, options->url);
}

/* ---- the request ---- */

static CURLcode set_body(CURL *curl, const ferry_fetch_options *options)
{
    CURLcode rc = CURLE_OK;
    const void *body = options->body ? options->body : "";
    SET(rc, curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)options->body_length);
    if (options->free_body)
        SET(rc, curl, CURLOPT_POSTFIELDS, body);
    else
        SET(rc, curl, CURLOPT_COPYPOSTFIELDS, body);
    return rc;
}

/* A method that has a body says so also when that is empty. */
static bool has_body(const ferry_fetch_options *options, const char *method)
{
    return options->body_length > 0 || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
           strcmp(method, "PATCH") == 0;
}

static const char *method_of(const ferry_fetch_options *options)
{
    if (options->method)
        return options->method;
    return options->body_length ? "POST" : "GET";
}

/* libcurl has ways of its own for GET, HEAD and POST, and changes these as a redirect asks for; any
 * other method is a word in place of theirs, and stays with its body. */
static CURLcode set_method(CURL *curl, const ferry_fetch_options *options)
{
    CURLcode rc = CURLE_OK;
    const char *method = method_of(options);
    bool sends_body = has_body(options, method);
    bool is_word = strcmp(method, sends_body ? "POST" : "GET") != 0 && strcmp(method, "HEAD") != 0;
    if (sends_body)
        rc = set_body(curl, options);
    else if (strcmp(method, "HEAD") == 0)
        SET(rc, curl, CURLOPT_NOBODY, 1L);
    if (is_word) {
        SET(rc, curl, CURLOPT_CUSTOMREQUEST, method);
        SET(rc, curl, CURLOPT_POSTREDIR, (long)(CURL_REDIR_POST_301 | CURL_REDIR_POST_302));
    }
    return rc;
}

static bool add_line(struct transfer *transfer, const char *line)
{
    struct curl_slist *longer = line ? curl_slist_append(transfer->headers, line) : NULL;
    if (longer)
        transfer->headers = longer;
    return longer != NULL;
}

/* libcurl's notation: "Name: value"; "Name;" is without a value. */
static bool add_header(struct transfer *transfer, const ferry_header *header)
{
    const char *value = header->value + strspn(header->value, " \t");
    char *line =
        *value ? text_printf("%s: %s", header->name, value) : text_printf("%s;", header->name);
    bool added = add_line(transfer, line);
    free(line);
    return added;
}

static bool has_header(const ferry_fetch_options *options, const char *name)
{
    for (size_t i = 0; i < options->header_count; i++) {
        if (header_is_same(options->headers[i].name, name))
            return true;
    }
    return false;
}

/* What libcurl would add by itself is taken out: "Name:". */
static CURLcode set_headers(struct transfer *transfer, const ferry_fetch_options *options)
{
    bool ok = (has_header(options, "Expect") || add_line(transfer, "Expect:")) &&
              (has_header(options, "Content-Type") || add_line(transfer, "Content-Type:"));
    for (size_t i = 0; ok && i < options->header_count; i++)
        ok = add_header(transfer, &options->headers[i]);
    if (!ok)
        return CURLE_OUT_OF_MEMORY;
    return curl_easy_setopt(transfer->curl, CURLOPT_HTTPHEADER, transfer->headers);
}

static CURLcode set_request(struct transfer *transfer, const ferry_fetch_options *options,
                            const char *user_agent)
{
    CURL *curl = transfer->curl;
    CURLcode rc = set_method(curl, options);
    SET(rc, curl, CURLOPT_URL, options->url);
    SET(rc, curl, CURLOPT_USERAGENT, user_agent);
    if (rc == CURLE_OK)
        rc = set_headers(transfer, options);
    if (!options->no_decompression)
        SET(rc, curl, CURLOPT_ACCEPT_ENCODING, "");
    if (options->user) {
        SET(rc, curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        SET(rc, curl, CURLOPT_USERNAME, options->user);
        SET(rc, curl, CURLOPT_PASSWORD, options->password ? options->password : "");
    }
    return rc;
}

/* ---- the way there ---- */

/* A child process of the program must not inherit it. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)arg, (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static long connect_timeout_ms(const ferry_fetch_options *options)
{
    int64_t ms = options->connect_timeout_ms ? options->connect_timeout_ms : DEFAULT_TIMEOUT_MS;
    return ms < 0 || ms > INT_MAX ? INT_MAX : (long)ms; /* libcurl's "none" is five minutes */
}

static CURLcode set_tls(CURL *curl, const ferry_fetch_options *options)
{
    CURLcode rc = CURLE_OK;
    bool is_verified = !options->insecure_accept_any_certificate;
    SET(rc, curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(rc, curl, CURLOPT_SSL_VERIFYPEER, is_verified ? 1L : 0L);
    SET(rc, curl, CURLOPT_SSL_VERIFYHOST, is_verified ? 2L : 0L);
    if (options->ca_file) {
        SET(rc, curl, CURLOPT_CAINFO, options->ca_file);
        SET(rc, curl, CURLOPT_CAPATH, NULL); /* those whom the system trusts are not asked */
    }
    return rc;
}

static CURLcode set_way(CURL *curl, const ferry_fetch_options *options)
{
    CURLcode rc = set_tls(curl, options);
    SET(rc, curl, CURLOPT_NOSIGNAL, 1L);
    SET(rc, curl, CURLOPT_QUICK_EXIT, 1L);
    SET(rc, curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(rc, curl, CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms(options));
    SET(rc, curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(rc, curl, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(rc, curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    SET(rc, curl, CURLOPT_FOLLOWLOCATION, options->no_redirects ? 0L : 1L);
    SET(rc, curl, CURLOPT_MAXREDIRS,
        (long)(options->max_redirects ? options->max_redirects : DEFAULT_REDIRECTS));
    SET(rc, curl, CURLOPT_PROXY, options->proxy ? options->proxy : ""); /* not the environment's */
    SET(rc, curl, CURLOPT_SOCKS5_AUTH, (unsigned long)CURLAUTH_BASIC);
    SET(rc, curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    return rc;
}

/* ---- what comes back ---- */

static CURLcode set_callbacks(struct transfer *transfer)
{
    CURL *curl = transfer->curl;
    CURLcode rc = CURLE_OK;
    SET(rc, curl, CURLOPT_ERRORBUFFER, transfer->detail);
    SET(rc, curl, CURLOPT_PRIVATE, transfer);
    SET(rc, curl, CURLOPT_HEADERFUNCTION, transfer_on_header);
    SET(rc, curl, CURLOPT_HEADERDATA, transfer);
    SET(rc, curl, CURLOPT_WRITEFUNCTION, transfer_on_body);
    SET(rc, curl, CURLOPT_WRITEDATA, transfer);
    return rc;
}

static void set_limits(struct transfer *transfer, const ferry_fetch_options *options)
{
    transfer->on_chunk = options->on_chunk;
    transfer->arg = options->arg;
    transfer->header_limit_bytes = options->header_bytes ? options->header_bytes : 64 << 10;
    transfer->body_limit_bytes = options->body_bytes ? options->body_bytes
                                 : options->on_chunk ? UINT64_MAX
                                                     : 8 << 20;
}

int transfer_init(struct transfer *transfer, const ferry_fetch_options *options,
                  const char *user_agent)
{
    *transfer = (struct transfer){.body = (void *)options->body, .free_body = options->free_body};
    if (check_options(transfer, options) < 0)
        return transfer->error.code;
    set_limits(transfer, options);
    transfer->response = calloc(1, sizeof *transfer->response);
    transfer->curl = curl_easy_init();
    CURLcode rc = transfer->response && transfer->curl ? CURLE_OK : CURLE_OUT_OF_MEMORY;
    if (rc == CURLE_OK)
        rc = set_callbacks(transfer);
    if (rc == CURLE_OK)
        rc = set_request(transfer, options, user_agent);
    if (rc == CURLE_OK)
        rc = set_way(transfer->curl, options);
    return rc == CURLE_OK ? 0 : setup_failed(transfer, rc);
}
