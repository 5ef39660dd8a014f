/* Where a job's end may be told: the check of a Ferry-Callback. Pure. */
#ifndef SERVER_CALLBACK_URL_H
#define SERVER_CALLBACK_URL_H

#include <ferry/error.h>

enum { CALLBACK_URL_MAX = 2048 };

/* Check a URL against what it must begin with (NULL-terminated; NULL: callbacks are off). One that
 * could mean another place than it begins with ("..", an escaped dot or slash, a backslash) is
 * refused. Returns 0 or FERRY_INVALID. */
int callback_url_check(const char *url, char *const *allow, ferry_error *error);

#endif
