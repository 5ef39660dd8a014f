/* The admin listener's metrics and its token. Loop thread. */
#include "admin.h"

#include <string.h>

#include "ascii.h"
#include "own_path.h"

/* Compare in a time that does not tell how much of it was right. */
static bool is_same(const char *given, const char *wanted)
{
    size_t length = strlen(wanted);
    unsigned char difference = strlen(given) != length;
    for (size_t i = 0; i < length && i < strlen(given); i++)
        difference |= (unsigned char)(given[i] ^ wanted[i]);
    return difference == 0;
}

static bool is_address_or_localhost(const char *host)
{
    static const char localhost[] = "localhost";
    size_t length = strlen(localhost);
    return host[0] == '[' || !host[strspn(host, "0123456789.:")] ||
           (ascii_compare_n(host, localhost, length) == 0 &&
            (!host[length] || host[length] == ':'));
}

/* What a browser says of the listener's own page: the scheme, and the host that was asked for. */
static bool is_own_origin(ferry_request *request, const char *origin, const char *host)
{
    const char *scheme = ferry_request_scheme(request);
    size_t length = strlen(scheme);
    return host && is_address_or_localhost(host) && ascii_compare_n(origin, scheme, length) == 0 &&
           strncmp(origin + length, "://", 3) == 0 && ascii_compare(origin + length + 3, host) == 0;
}

/* What a browser says that asks for another site's page, or one of another port; what it asks for
 * an image or a script comes without an Origin. `none`: the user's own doing. */
static bool is_other_site(const char *site)
{
    return site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
}

/* Where no token is asked for, whoever reaches the listener may enter, and a browser on the same
 * machine reaches it for every page that it shows. It says so with an Origin or a Sec-Fetch-Site;
 * or, of a page whose own name was made to lead here, with that name. The dashboard is let in. No
 * browser speaks over a unix socket. At 0.0.0.0 it says nothing of who asks for a script or an
 * image, but gives an answer with this policy to nobody else. */
static bool is_no_page(ferry_request *request)
{
    const char *host = ferry_request_header(request, "Host");
    const char *origin = ferry_request_header(request, "Origin");
    ferry_request_set_header(request, "Cross-Origin-Resource-Policy", "same-origin");
    bool is_unix = strcmp(ferry_request_peer(request), "unix") == 0;
    if ((!host || is_unix || is_address_or_localhost(host)) &&
        (!origin || is_own_origin(request, origin, host)) &&
        !is_other_site(ferry_request_header(request, "Sec-Fetch-Site")))
        return true;
    ferry_error error;
    ferry_error_set(&error, FERRY_FORBIDDEN,
                    "without an admin.token_file, who asks here says localhost or an address, and "
                    "is no web page but the dashboard");
    ferry_request_reply_error(request, &error);
    return false;
}

bool admin_allows(const struct admin *admin, ferry_request *request)
{
    static const char scheme[] = "Bearer ";
    const char *given = ferry_request_header(request, "Authorization");
    if (!admin->token)
        return is_no_page(request);
    if (given && ascii_compare_n(given, scheme, strlen(scheme)) == 0 &&
        is_same(given + strlen(scheme), admin->token))
        return true;
    ferry_error error;
    ferry_error_set(&error, FERRY_UNAUTHORIZED, "send Authorization: Bearer TOKEN");
    ferry_request_set_header(request, "WWW-Authenticate", "Bearer realm=\"ferry admin\"");
    ferry_request_reply_error(request, &error);
    return false;
}

static void on_metrics(ferry_request *request, void *ctx)
{
    const struct admin *admin = ctx;
    if (!admin_allows(admin, request))
        return;
    struct bytes text = {0};
    metrics_render(admin->metrics, &text);
    size_t length = text.length;
    char *body = bytes_take(&text);
    ferry_request_reply_owned(request, 200, "text/plain; version=0.0.4; charset=utf-8", body,
                              body ? length : 0);
}

int admin_bind(ferry_http_server *http, struct admin *admin, ferry_error *error)
{
    static const struct own_path path = {.path = "/metrics", .get = on_metrics};
    return own_path_bind(http, &path, admin, error);
}
