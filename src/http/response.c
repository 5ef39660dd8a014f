/*
 * Responses. libcurl has kept the headers, without those of redirects, of 1xx responses and of a
 * proxy's CONNECT, and unfolded; they are copied once.
 */
#include "response.h"

#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "header_text.h"

/* Visit the headers that count, in their order. */
static struct curl_header *next_header(CURL *curl, struct curl_header *previous)
{
    return curl_easy_nextheader(curl, CURLH_HEADER, -1, previous);
}

static bool header_copy(ferry_header *to, const struct curl_header *from)
{
    size_t length = strlen(from->value); /* libcurl leaves the line's end in an empty one */
    while (length > 0 && ascii_is_space(from->value[length - 1]))
        length--;
    to->name = strdup(from->name);
    to->value = strndup(from->value, length);
    return to->name && to->value;
}

bool response_take_head(ferry_response *response, CURL *curl)
{
    long status = 0;
    size_t count = 0;
    if (response->has_head)
        return true;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    response->status = (int)status;
    for (struct curl_header *at = NULL; (at = next_header(curl, at));)
        count++;
    response->headers = calloc(count + 1, sizeof *response->headers);
    if (!response->headers)
        return false;
    for (struct curl_header *at = NULL; (at = next_header(curl, at));) {
        if (!header_copy(&response->headers[response->header_count++], at))
            return false;
    }
    response->has_head = true;
    return true;
}

static int64_t time_ms(CURL *curl, CURLINFO which)
{
    curl_off_t us = 0;
    curl_easy_getinfo(curl, which, &us);
    return us / 1000;
}

static unsigned count_of(CURL *curl, CURLINFO which)
{
    long count = 0;
    curl_easy_getinfo(curl, which, &count);
    return (unsigned)count;
}

bool response_finish(ferry_response *response, CURL *curl)
{
    const char *url = NULL;
    curl_easy_getinfo(curl, CURLINFO_EFFECTIVE_URL, &url);
    response->url = strdup(url ? url : "");
    response->times = (ferry_response_times){
        .name_lookup_ms = time_ms(curl, CURLINFO_NAMELOOKUP_TIME_T),
        .connect_ms = time_ms(curl, CURLINFO_CONNECT_TIME_T),
        .tls_ms = time_ms(curl, CURLINFO_APPCONNECT_TIME_T),
        .first_byte_ms = time_ms(curl, CURLINFO_STARTTRANSFER_TIME_T),
        .total_ms = time_ms(curl, CURLINFO_TOTAL_TIME_T),
        .connections = count_of(curl, CURLINFO_NUM_CONNECTS),
        .redirects = count_of(curl, CURLINFO_REDIRECT_COUNT),
    };
    return response_take_head(response, curl) && response->url && !response->body.failed;
}

void ferry_response_free(ferry_response *response)
{
    if (!response)
        return;
    for (size_t i = 0; i < response->header_count; i++) {
        free((char *)response->headers[i].name);
        free((char *)response->headers[i].value);
    }
    free(response->headers);
    bytes_fini(&response->body);
    free(response->url);
    free(response);
}

int ferry_response_status(const ferry_response *response)
{
    return response->status;
}

const char *ferry_response_header(const ferry_response *response, const char *name)
{
    for (size_t i = 0; i < response->header_count; i++) {
        if (header_is_same(response->headers[i].name, name))
            return response->headers[i].value;
    }
    return NULL;
}

const ferry_header *ferry_response_headers(const ferry_response *response, size_t *count)
{
    *count = response->header_count;
    return response->headers;
}

const void *ferry_response_body(const ferry_response *response, size_t *length)
{
    if (length)
        *length = response->body.length;
    return bytes_text(&response->body);
}

const char *ferry_response_url(const ferry_response *response)
{
    return response->url;
}

void ferry_response_get_times(const ferry_response *response, ferry_response_times *times)
{
    *times = response->times;
}
