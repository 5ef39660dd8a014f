/*
 * libcurl's multi interface, driven by a loop. Loop thread.
 */
#ifndef HTTP_CURL_LOOP_H
#define HTTP_CURL_LOOP_H

#include "libcurl.h"

#include "loop_base.h"

/* A transfer is over. It is still the multi handle's: the function takes it off. */
typedef void curl_loop_done(CURL *curl, CURLcode result);

struct curl_loop {
    ferry_loop *loop;
    CURLM *multi;
    curl_loop_done *done;
    ferry_timer timer;
    bool is_busy; /* within libcurl, which does not let transfers be added or taken off then */
};

/* Returns whether there was memory; curl_loop_fini is due either way. */
bool curl_loop_init(struct curl_loop *driver, ferry_loop *loop, curl_loop_done *done);

/* Close the kept connections; every transfer has been taken off. Twice is once. */
void curl_loop_fini(struct curl_loop *driver);

#endif
