/*
 * Errors: one code for every way that a call can fail, and a message for the person who reads it.
 *
 * Functions that can fail return 0 or one of the negative codes below. Where the reason matters
 * they also fill a ferry_error, a plain value that owns nothing.
 */
#ifndef FERRY_ERROR_H
#define FERRY_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#if defined(__GNUC__)
#define FERRY_API                   __attribute__((visibility("default")))
#define FERRY_PRINTF(string, first) __attribute__((format(printf, string, first)))
#define FERRY_MUST_CHECK            __attribute__((warn_unused_result))
#else
#define FERRY_API
#define FERRY_PRINTF(string, first)
#define FERRY_MUST_CHECK
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Each code has exactly one HTTP status and one name; both are part of the API. */
typedef enum ferry_code {
    FERRY_OK = 0,             /* 200 */
    FERRY_INVALID = -1,       /* 400  the caller's input is wrong; the same input fails again */
    FERRY_UNAUTHORIZED = -2,  /* 401  who are you? */
    FERRY_FORBIDDEN = -3,     /* 403  known, and not allowed */
    FERRY_NOT_FOUND = -4,     /* 404  no such thing */
    FERRY_BAD_METHOD = -5,    /* 405  the thing does not take this method */
    FERRY_CONFLICT = -6,      /* 409  it stands against the present state */
    FERRY_GONE = -7,          /* 410  it was there once */
    FERRY_TOO_LARGE = -8,     /* 413  past a size limit */
    FERRY_UNPROCESSABLE = -9, /* 422  well formed, but makes no sense */
    FERRY_RATE_LIMITED = -10, /* 429  this caller asks too often; passes */
    FERRY_CANCELLED = -11,    /* 499  the caller left, or withdrew it */
    FERRY_INTERNAL = -12,     /* 500  a fault of the program itself, or no memory */
    FERRY_UNSUPPORTED = -13,  /* 501  not built in, or not offered by the peer */
    FERRY_TRANSIENT = -14,    /* 502  the work or the peer behind it broke; may pass */
    FERRY_REJECTED = -15,     /* 503  no room, or closing; passes */
    FERRY_DEADLINE = -16,     /* 504  not done in time; may pass */
    FERRY_STORAGE_FULL = -17, /* 507  no space on disk; passes */
} ferry_code;

typedef struct ferry_error {
    ferry_code code;   /* FERRY_OK: no error, and the message is empty */
    char message[248]; /* for a person, NUL-terminated, cut with "..." when too long */
} ferry_error;

/*
 * Set an error's code and message, and return the code, so that a failure is one line:
 *     return ferry_error_set(err, FERRY_INVALID, "ms: %s is not a number", text);
 * The old message may be part of the new one. Thread: any. Owns: nothing; `error` may be NULL, then
 * only the code is returned.
 */
FERRY_API int ferry_error_set(ferry_error *error, ferry_code code, const char *format, ...)
    FERRY_PRINTF(3, 4);
FERRY_API int ferry_error_set_v(ferry_error *error, ferry_code code, const char *format,
                                va_list args) FERRY_PRINTF(3, 0);

/* Return the HTTP status of a code: 400 for FERRY_INVALID. An unknown code is 500. Thread: any. */
FERRY_API int ferry_code_status(ferry_code code);

/* Return the code of an HTTP error status; one without a code of its own gives the code of its
 * class (4xx FERRY_INVALID, 5xx FERRY_INTERNAL), a status below 400 FERRY_OK. Thread: any. */
FERRY_API ferry_code ferry_code_from_status(int status);

/* Return the name of a code as it stands in logs and problem documents: "invalid", "deadline".
 * Thread: any. Owns: a static string. */
FERRY_API const char *ferry_code_name(ferry_code code);

/* Tell whether the same call may succeed later without any change: the codes marked "passes" or
 * "may pass" above. A job is tried again after such an error. Thread: any. */
FERRY_API bool ferry_code_is_transient(ferry_code code);

#ifdef __cplusplus
}
#endif

#endif
