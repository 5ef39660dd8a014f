/*
 * The operator's page: the files of dashboard/, as the build has put them into the program. What
 * the page shows it asks for as any client does, with the token, so that there is nothing to keep
 * from anybody here. Loop thread; no state.
 */
#include "dashboard.h"

#include <string.h>

#include "own_path.h"

static const char html[] = "text/html; charset=utf-8";
static const char css[] = "text/css; charset=utf-8";
static const char script[] = "text/javascript; charset=utf-8";

/* By ferry_embed. */
#define EMBEDDED(name) extern const char dashboard_##name[], dashboard_##name##_etag[]
EMBEDDED(page_html);
EMBEDDED(style_css);
EMBEDDED(main_js);
EMBEDDED(api_js);
EMBEDDED(dom_js);
EMBEDDED(health_js);
EMBEDDED(jobs_js);
EMBEDDED(metrics_js);

#define BYTES(name) dashboard_##name, dashboard_##name##_etag
static const struct page_file {
    const char *path, *type, *text, *etag;
} files[] = {
    {"/", html, BYTES(page_html)},
    {"/dashboard/style.css", css, BYTES(style_css)},
    {"/dashboard/main.js", script, BYTES(main_js)},
    {"/dashboard/api.js", script, BYTES(api_js)},
    {"/dashboard/dom.js", script, BYTES(dom_js)},
    {"/dashboard/health.js", script, BYTES(health_js)},
    {"/dashboard/jobs.js", script, BYTES(jobs_js)},
    {"/dashboard/metrics.js", script, BYTES(metrics_js)},
};

/* Nothing but these files runs or is shown, in no frame of another page, and it talks to its own
 * listener only: so what a job says can do nothing, whatever it is. */
static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; "
                             "connect-src 'self'; img-src 'self' data:; base-uri 'none'; "
                             "form-action 'none'; frame-ancestors 'none'";

static const struct page_file *file_of(ferry_request *request)
{
    const struct page_file *file = files;
    while (strcmp(file->path, ferry_request_route(request)) != 0)
        file++;
    return file;
}

static bool has_it(ferry_request *request, const struct page_file *file)
{
    const char *known = ferry_request_header(request, "If-None-Match");
    return known && (strcmp(known, "*") == 0 || strstr(known, file->etag));
}

static void on_get(ferry_request *request, void *ctx)
{
    (void)ctx;
    const struct page_file *file = file_of(request);
    ferry_request_set_header(request, "Content-Security-Policy", policy);
    ferry_request_set_header(request, "X-Content-Type-Options", "nosniff");
    ferry_request_set_header(request, "Referrer-Policy", "no-referrer");
    ferry_request_set_header(request, "Cache-Control", "no-cache"); /* a newer ferry has another */
    ferry_request_set_header(request, "ETag", file->etag);
    if (has_it(request, file))
        ferry_request_reply(request, 304, NULL, NULL, 0);
    else
        ferry_request_reply(request, 200, file->type, file->text, strlen(file->text));
}

int dashboard_bind(ferry_http_server *http, ferry_error *error)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof files / sizeof *files; i++)
        rc = own_path_bind(http, &(struct own_path){.path = files[i].path, .get = on_get}, NULL,
                           error);
    return rc;
}
