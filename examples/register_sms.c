/*
 * Registration by SMS: POST /register sends a code to a mobile phone, through the HTTP API of a
 * provider. Whatever goes wrong on the way there, the caller gets one kind of answer: 502, a
 * problem document that says why no SMS was sent.
 *
 *     SMS_ACCESSKEY=... SMS_SECRETKEY=... \
 *     register_sms PROVIDER_URL [ADDRESS [TIMEOUT_MS]]      - 127.0.0.1:8892 5000
 *     curl -d '{"mobile": "13800138000"}' http://127.0.0.1:8892/register
 *
 * The provider is asked by GET PROVIDER_URL?accesskey=&secretkey=&mobile=&content= and answers with
 * JSON, in which "result": "0" is success. It is read with jansson, to which this program links:
 *
 *     cc register_sms.c $(pkg-config --cflags --libs ferry jansson)
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <ferry/coroutine.h>
#include <ferry/http.h>
#include <ferry/http_client.h>
#include <ferry/http_json.h>
#include <ferry/loop.h>

static ferry_loop *loop;
static ferry_http_client *client;
static const char *provider, *accesskey, *secretkey;
static int64_t timeout_ms = 5000;

/* Append NAME=VALUE to a URL, with all escaped that is not unreserved (RFC 3986, 2.3). */
static void add_parameter(FILE *url, char separator, const char *name, const char *value)
{
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                     "0123456789-._~";
    fprintf(url, "%c%s=", separator, name);
    for (; *value; value++) {
        if (strchr(unreserved, *value))
            fputc(*value, url);
        else
            fprintf(url, "%%%02X", (unsigned char)*value);
    }
}

/* Make the URL of an SMS, which the caller frees; NULL without memory. */
static char *make_url(const char *mobile, const char *content)
{
    char *text = NULL;
    size_t length;
    FILE *url = open_memstream(&text, &length);
    if (!url)
        return NULL;
    fputs(provider, url);
    add_parameter(url, '?', "accesskey", accesskey);
    add_parameter(url, '&', "secretkey", secretkey);
    add_parameter(url, '&', "mobile", mobile);
    add_parameter(url, '&', "content", content);
    fclose(url);
    return text;
}

/* Tell whether the provider has taken the SMS; if not, why says what it answered. */
static int check_answer(const ferry_response *response, ferry_error *why)
{
    if (ferry_response_status(response) != 200)
        return ferry_error_set(why, FERRY_TRANSIENT, "HTTP status %d",
                               ferry_response_status(response));
    json_t *answer = ferry_response_json(response, why);
    if (!answer)
        return why->code;
    const char *result = json_string_value(json_object_get(answer, "result"));
    int rc = 0;
    if (!result || strcmp(result, "0") != 0)
        rc = ferry_error_set(why, FERRY_TRANSIENT, "result %s", result ? result : "missing");
    json_decref(answer);
    return rc;
}

/* Send an SMS; a coroutine may call this. There is one way to fail: FERRY_TRANSIENT. */
static int send_sms(const char *mobile, const char *content, ferry_error *error)
{
    ferry_error why = {0};
    char *url = make_url(mobile, content);
    ferry_response *response = ferry_await(
        ferry_fetch(client, &(ferry_fetch_options){.url = url,
                                                   .timeout_ms = timeout_ms,
                                                   .body_bytes = 64 << 10,
                                                   .no_redirects = true}), /* it holds our keys */
        &why);
    if (response)
        check_answer(response, &why);
    ferry_response_free(response);
    free(url);
    if (why.code)
        return ferry_error_set(error, FERRY_TRANSIENT, "no SMS was sent: %s", why.message);
    return 0;
}

static bool is_mobile(const char *text)
{
    size_t length = text ? strlen(text) : 0;
    return length >= 6 && length <= 15 && strspn(text, "0123456789") == length;
}

static void post_register(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_error error = {0};
    uint32_t code;
    char content[128];
    json_t *input = ferry_request_json(request, &error);
    const char *mobile = json_string_value(json_object_get(input, "mobile"));
    if (input && !is_mobile(mobile))
        ferry_error_set(&error, FERRY_INVALID, "mobile: 6 to 15 digits, as a string");
    else if (getrandom(&code, sizeof code, 0) != sizeof code)
        ferry_error_set(&error, FERRY_INTERNAL, "no random number");

    if (!error.code) { /* a real program also keeps the code, to compare it with what is typed in */
        snprintf(content, sizeof content, "您的验证码是 %06u & valid for 10 min.", code % 1000000);
        send_sms(mobile, content, &error);
    }
    if (error.code)
        ferry_request_reply_error(request, &error);
    else
        ferry_request_reply_json_value(request, 200, json_pack("{s:s}", "sent_to", mobile));
    json_decref(input);
}

/* ---- the program ---- */

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

static void stop(void *arg)
{
    (void)arg;
    ferry_loop_stop(loop);
}

int main(int argc, char **argv)
{
    ferry_error error = {0};
    char bound[128];
    if (argc < 2) {
        fprintf(stderr, "usage: register_sms PROVIDER_URL [ADDRESS [TIMEOUT_MS]]\n");
        return EXIT_FAILURE;
    }
    provider = argv[1];
    accesskey = setting("SMS_ACCESSKEY");
    secretkey = setting("SMS_SECRETKEY");
    if (argc > 3)
        timeout_ms = strtoll(argv[3], NULL, 10);
    signal(SIGPIPE, SIG_IGN);
    loop = ferry_loop_new();
    client = loop ? ferry_http_client_new(loop, NULL) : NULL;
    ferry_http_server *server = client ? ferry_http_server_new(loop, NULL) : NULL;
    if (!server ||
        ferry_http_route_coroutine(server, "POST", "/register", post_register, NULL, &error) < 0 ||
        ferry_http_listen(server, argc > 2 ? argv[2] : "127.0.0.1:8892", bound, sizeof bound,
                          &error) < 0) {
        fprintf(stderr, "register_sms: %s\n", error.message);
        return EXIT_FAILURE;
    }
    ferry_loop_add_signal(loop, SIGINT, stop, NULL);
    ferry_loop_add_signal(loop, SIGTERM, stop, NULL);
    printf("listening on %s\n", bound);
    fflush(stdout);
    ferry_loop_run(loop);
    return EXIT_SUCCESS; /* what is in progress ends with the process */
}
