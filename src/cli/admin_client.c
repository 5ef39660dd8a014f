/* The client of the admin listener, over libcurl. Main thread. */
#include "admin_client.h"

#include "libcurl.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS = 10000, REQUEST_MS = 120000, SILENCE_S = 45, BODY_MAX = 256 << 20 };

struct admin_client {
    CURL *curl;
    char *address;
    char *base;   /* "http://HOST:PORT", for the path to follow; or https */
    char *bearer; /* the header; NULL: none */
};

/* ---- life ---- */

/* An address to listen on may be that of every interface; this one is among them. */
static char *base_url(const char *address, const char *scheme)
{
    if (strncmp(address, "unix:", 5) == 0)
        return text_printf("%s://localhost", scheme);
    const char *port = strrchr(address, ':');
    if (address[0] == ':' || strncmp(address, "0.0.0.0:", 8) == 0)
        return text_printf("%s://127.0.0.1%s", scheme, port);
    if (strncmp(address, "[::]:", 5) == 0)
        return text_printf("%s://[::1]%s", scheme, port);
    return text_printf("%s://%s", scheme, address);
}

/* The certificate of the config is the one to be shown, whatever its name: it is trusted itself. */
static void set_certificate(CURL *curl, const char *certificate)
{
    curl_easy_setopt(curl, CURLOPT_CAINFO, certificate);
    curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
}

static void set_options(struct admin_client *client)
{
    CURL *curl = client->curl;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* nor what the environment says */
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    if (strncmp(client->address, "unix:", 5) == 0)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->address + 5);
}

struct admin_client *admin_client_new(const char *address, const char *token,
                                      const char *certificate)
{
    struct admin_client *client = calloc(1, sizeof *client);
    if (!client)
        return NULL;
    client->curl = libcurl_load() ? NULL : curl_easy_init();
    client->address = strdup(address);
    client->base = base_url(address, certificate ? "https" : "http");
    client->bearer = token ? text_printf("Authorization: Bearer %s", token) : NULL;
    if (!client->curl || !client->address || !client->base || (token && !client->bearer)) {
        admin_client_free(client);
        return NULL;
    }
    set_options(client);
    if (certificate)
        set_certificate(client->curl, certificate);
    return client;
}

void admin_client_free(struct admin_client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->curl);
    free(client->address);
    free(client->base);
    free(client->bearer);
    free(client);
}

/* ---- one exchange ---- */

struct exchange {
    struct admin_client *client;
    struct bytes *body;    /* the answer, or the problem document of a stream that is none */
    admin_piece *on_piece; /* NULL: no stream */
    void *arg;
    bool was_ended;
};

static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
    struct exchange *exchange = arg;
    size_t length = size * count;
    long status = 0;
    curl_easy_getinfo(exchange->client->curl, CURLINFO_RESPONSE_CODE, &status);
    if (exchange->on_piece && status < 400) {
        exchange->was_ended = !exchange->on_piece(exchange->arg, data, length);
        return exchange->was_ended ? CURL_WRITEFUNC_ERROR : length;
    }
    bytes_append(exchange->body, data, length);
    return exchange->body->failed || exchange->body->length > BODY_MAX ? CURL_WRITEFUNC_ERROR
                                                                       : length;
}

static int unreachable(const struct admin_client *client, CURLcode code, ferry_error *error)
{
    long os_errno = 0;
    curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &os_errno);
    bool is_refused = code == CURLE_COULDNT_CONNECT && os_errno != 0;
    bool may_be_tls = code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING;
    if (may_be_tls && strncmp(client->base, "http:", strlen("http:")) == 0)
        return ferry_error_set(error, FERRY_TRANSIENT,
                               "%s does not answer in plain HTTP: %s; if the admin listener speaks "
                               "TLS, its certificate is in the config: -c FILE",
                               client->address, curl_easy_strerror(code));
    return ferry_error_set(error, FERRY_TRANSIENT,
                           "cannot reach the admin listener at %s: %s; is ferry serve running? Say "
                           "where with -c FILE or --admin ADDRESS",
                           client->address,
                           is_refused ? strerror((int)os_errno) : curl_easy_strerror(code));
}

/* The detail of a problem document, or the status where there is none. */
static int refused(const struct admin_client *client, long status, const struct bytes *body,
                   ferry_error *error)
{
    json_t *problem = json_loadb(bytes_text(body), body->length, 0, NULL);
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    ferry_code code = ferry_code_from_status((int)status);
    if (status == 401)
        ferry_error_set(error, code,
                        client->bearer ? "the admin listener at %s refuses this token"
                                       : "the admin listener at %s asks for a token: --token-file "
                                         "FILE, or FERRY_ADMIN_TOKEN",
                        client->address);
    else if (detail)
        ferry_error_set(error, code, "%s", detail);
    else
        ferry_error_set(error, code,
                        "%s answers with the status %ld: is that ferry's admin listener?",
                        client->address, status);
    json_decref(problem);
    return code;
}

static int perform(struct exchange *exchange, const char *path, struct curl_slist *headers,
                   ferry_error *error)
{
    struct admin_client *client = exchange->client;
    CURL *curl = client->curl;
    char *url = text_printf("%s%s", client->base, path);
    if (!url)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    free(url);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK && !exchange->was_ended)
        return unreachable(client, code, error);
    return status < 400 ? 0 : refused(client, status, exchange->body, error);
}

/* Perform with the token, and one header more if it is not NULL. */
static int perform_with_headers(struct exchange *exchange, const char *path, const char *header,
                                ferry_error *error)
{
    const char *const lines[] = {exchange->client->bearer, header};
    struct curl_slist *headers = NULL;
    bool failed = false;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct curl_slist *longer = lines[i] ? curl_slist_append(headers, lines[i]) : headers;
        failed |= lines[i] && !longer;
        headers = longer ? longer : headers;
    }
    int rc = failed ? ferry_error_set(error, FERRY_INTERNAL, "no memory")
                    : perform(exchange, path, headers, error);
    curl_slist_free_all(headers);
    return rc;
}

/* The public listener knows a job by its id and nothing else of what is asked here, and what it
 * says of that does not tell why. Returns `rc`, or the error of that. */
static int check_listener(struct admin_client *client, int rc, ferry_error *error)
{
    if (rc != FERRY_NOT_FOUND && rc != FERRY_BAD_METHOD)
        return rc;
    struct bytes stats = {0};
    struct exchange exchange = {.client = client, .body = &stats};
    curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, "GET");
    if (perform_with_headers(&exchange, "/jobs/stats", NULL, NULL) == FERRY_NOT_FOUND)
        rc = ferry_error_set(error, FERRY_TRANSIENT,
                             "%s is not the admin listener: that is admin.listen of the config, "
                             "127.0.0.1:8003 by default",
                             client->address);
    bytes_fini(&stats);
    return rc;
}

int admin_request(struct admin_client *client, const char *method, const char *path,
                  struct bytes *body, ferry_error *error)
{
    struct exchange exchange = {.client = client, .body = body};
    curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, (long)REQUEST_MS);
    curl_easy_setopt(client->curl, CURLOPT_LOW_SPEED_TIME, 0L);
    int rc = perform_with_headers(&exchange, path, NULL, error);
    return check_listener(client, rc, error);
}

int admin_stream(struct admin_client *client, const char *path, const char *last_id,
                 admin_piece *on_piece, void *arg, ferry_error *error)
{
    struct bytes problem = {0};
    struct exchange exchange = {
        .client = client, .body = &problem, .on_piece = on_piece, .arg = arg};
    char *header = last_id && *last_id ? text_printf("Last-Event-ID: %s", last_id) : NULL;
    curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, "GET");
    curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, 0L);
    curl_easy_setopt(client->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(client->curl, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_S);
    int rc = perform_with_headers(&exchange, path, header, error);
    free(header);
    bytes_fini(&problem);
    return check_listener(client, rc, error);
}
