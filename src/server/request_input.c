/* From a request to a call's input. Loop thread; no state. */
#include "request_input.h"

#include <string.h>

#include "ascii.h"
#include "call_input.h"
#include "fingerprint.h"

enum { LETTERS = 'z' - 'a' + 1, NAMES_MAX = 3 };

/* Names by their first letter, as most headers differ there; a NULL ends them. */
typedef const char *const names_by_letter[LETTERS][NAMES_MAX + 1];

/* RFC 9110, 7.6.1: they belong to one connection. The body's length goes with the body; Prefer and
 * those of ferry's own are for the route. */
static names_by_letter connection_headers = {
    ['c' - 'a'] = {"connection", "content-length"},
    ['e' - 'a'] = {"expect"},
    ['f' - 'a'] = {"ferry-delay", "ferry-run-at", "ferry-callback"},
    ['k' - 'a'] = {"keep-alive"},
    ['p' - 'a'] = {"proxy-connection", "prefer"},
    ['t' - 'a'] = {"te", "trailer", "transfer-encoding"},
    ['u' - 'a'] = {"upgrade"},
};

static names_by_letter credential_headers = {
    ['a' - 'a'] = {"authorization"},
    ['c' - 'a'] = {"cookie"},
    ['p' - 'a'] = {"proxy-authorization"},
};

enum { HEAD_BYTES = 200 }; /* what most have beside the body, or less */

struct writer {
    struct bytes *block;
    enum call_field field;
    bool for_disk;
    bool is_checked; /* Authorization was for the server, not for the worker */
};

static bool is_one_of(names_by_letter all, const char *name)
{
    unsigned letter = (unsigned char)(name[0] | 0x20) - 'a'; /* of lower case */
    if (letter >= LETTERS)
        return false;
    const char *const *names = all[letter];
    while (*names && ascii_compare(*names, name) != 0)
        names++;
    return *names != NULL;
}

bool request_input_has_header(const char *name, bool for_disk)
{
    return !is_one_of(connection_headers, name) &&
           !(for_disk && is_one_of(credential_headers, name));
}

static bool is_kept(const struct writer *writer, const char *name)
{
    return request_input_has_header(name, writer->for_disk) &&
           !(writer->is_checked && ascii_compare(name, "Authorization") == 0);
}

static bool write_pair(void *arg, const char *name, const char *value)
{
    const struct writer *writer = arg;
    if (writer->field == CALL_HEADER && !is_kept(writer, name))
        return true;
    call_input_add(writer->block, writer->field, name, value, strlen(value));
    return true;
}

static bool add_part(void *arg, const char *name, const char *value)
{
    fingerprint_add_text(arg, name);
    fingerprint_add_text(arg, value);
    return true;
}

bool request_fingerprint(ferry_request *request, unsigned char out[JOB_FINGERPRINT_BYTES])
{
    struct fingerprint *fingerprint = fingerprint_new();
    if (!fingerprint)
        return false;
    const char *type = ferry_request_header(request, "Content-Type");
    fingerprint_add_text(fingerprint, ferry_request_method(request));
    ferry_request_each_param(request, add_part, fingerprint);
    fingerprint_add_text(fingerprint, "?"); /* no path parameter for a query value */
    ferry_request_each_query(request, add_part, fingerprint);
    fingerprint_add_text(fingerprint, type ? type : "");
    size_t length;
    const void *body = ferry_request_body(request, &length);
    if (body)
        fingerprint_add(fingerprint, body, length);
    return fingerprint_end(fingerprint, out) && body;
}

void request_input(ferry_request *request, const struct config_route *config, bool for_disk,
                   struct bytes *block)
{
    struct writer writer = {
        .block = block,
        .for_disk = for_disk,
        .is_checked = config->auth && !config->auth->forward_credentials,
    };
    size_t length;
    const void *body = ferry_request_body(request, &length);
    bytes_reserve(block, length + HEAD_BYTES);
    const char *method = ferry_request_method(request);
    call_input_add(block, CALL_METHOD, "", method, strlen(method));
    writer.field = CALL_PARAM;
    ferry_request_each_param(request, write_pair, &writer);
    writer.field = CALL_QUERY;
    ferry_request_each_query(request, write_pair, &writer);
    writer.field = CALL_HEADER;
    ferry_request_each_header(request, write_pair, &writer);
    block->failed |= !body; /* no memory: not a call without its body */
    call_input_end(block, body, length);
}
