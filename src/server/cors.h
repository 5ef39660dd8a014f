/*
 * What browsers are told of the web pages that may ask, and read the answer. Pure.
 */
#ifndef SERVER_CORS_H
#define SERVER_CORS_H

#include "config.h"

/* Takes one header of the answer. */
typedef void cors_set(void *arg, const char *name, const char *value);

/* Tell whether a page of this origin may ask. `origin` may be NULL: no browser, or no other site's
 * page. */
bool cors_allows(const struct config_cors *cors, const char *origin);

/* Give the headers of any answer to a request from `origin`. */
void cors_answer(const struct config_cors *cors, const char *origin, cors_set *set, void *arg);

/* Give the headers of the answer to a preflight, beyond these. `methods` is what the path takes,
 * as "GET,POST". */
void cors_answer_preflight(const struct config_cors *cors, const char *methods, cors_set *set,
                           void *arg);

#endif
