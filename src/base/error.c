/*
 * Codes, their names and HTTP statuses: one table. Any thread; no state.
 */
#include <ferry/error.h>

#include <stdio.h>
#include <string.h>

static const struct {
    ferry_code code;
    int status;
    bool transient;
    const char *name;
} codes[] = {
    {FERRY_OK, 200, false, "ok"},
    {FERRY_INVALID, 400, false, "invalid"},
    {FERRY_UNAUTHORIZED, 401, false, "unauthorized"},
    {FERRY_FORBIDDEN, 403, false, "forbidden"},
    {FERRY_NOT_FOUND, 404, false, "not_found"},
    {FERRY_BAD_METHOD, 405, false, "bad_method"},
    {FERRY_CONFLICT, 409, false, "conflict"},
    {FERRY_GONE, 410, false, "gone"},
    {FERRY_TOO_LARGE, 413, false, "too_large"},
    {FERRY_UNPROCESSABLE, 422, false, "unprocessable"},
    {FERRY_RATE_LIMITED, 429, true, "rate_limited"},
    {FERRY_CANCELLED, 499, false, "cancelled"},
    {FERRY_INTERNAL, 500, false, "internal"},
    {FERRY_UNSUPPORTED, 501, false, "unsupported"},
    {FERRY_TRANSIENT, 502, true, "transient"},
    {FERRY_REJECTED, 503, true, "rejected"},
    {FERRY_DEADLINE, 504, true, "deadline"},
    {FERRY_STORAGE_FULL, 507, true, "storage_full"},
};

enum { CODE_COUNT = sizeof codes / sizeof codes[0] };

static size_t index_of(ferry_code code)
{
    size_t i = 0;
    while (i < CODE_COUNT && codes[i].code != code)
        i++;
    return i;
}

int ferry_error_set_v(ferry_error *error, ferry_code code, const char *format, va_list args)
{
    if (!error)
        return code;
    ferry_error made = {.code = code}; /* apart, as the arguments may name the old message */
    int n = vsnprintf(made.message, sizeof made.message, format, args);
    if (n >= (int)sizeof made.message) {
        size_t cut = sizeof made.message - 4;
        while (cut > 0 && (made.message[cut] & 0xC0) == 0x80)
            cut--; /* not within a UTF-8 sequence */
        memcpy(made.message + cut, "...", 4);
    }
    *error = made;
    return code;
}

int ferry_error_set(ferry_error *error, ferry_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    ferry_error_set_v(error, code, format, args);
    va_end(args);
    return code;
}

int ferry_code_status(ferry_code code)
{
    size_t i = index_of(code);
    return i < CODE_COUNT ? codes[i].status : 500;
}

ferry_code ferry_code_from_status(int status)
{
    if (status < 400)
        return FERRY_OK;
    for (size_t i = 0; i < CODE_COUNT; i++) {
        if (codes[i].status == status)
            return codes[i].code;
    }
    return status < 500 ? FERRY_INVALID : FERRY_INTERNAL;
}

const char *ferry_code_name(ferry_code code)
{
    size_t i = index_of(code);
    return i < CODE_COUNT ? codes[i].name : "internal";
}

bool ferry_code_is_transient(ferry_code code)
{
    size_t i = index_of(code);
    return i < CODE_COUNT && codes[i].transient;
}
