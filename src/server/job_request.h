/*
 * What a request's headers ask of its job: when, once, and who hears of its end. Pure.
 *
 * Two steps, as what runs at once asks for no job: the headers are found, then read.
 */
#ifndef SERVER_JOB_REQUEST_H
#define SERVER_JOB_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <ferry/error.h>

#include "job.h"

/* The headers as they were sent, NULL where there is none; they stay the request's. */
struct job_headers {
    const char *delay;    /* Ferry-Delay */
    const char *run_at;   /* Ferry-Run-At */
    const char *key;      /* Idempotency-Key */
    const char *callback; /* Ferry-Callback */
    const char *twice;    /* the name of one that was sent twice */
    const char *of_a_job; /* the name of one that makes sense for a job only */
    const char *slip;     /* the name of one that is not known, and close to ... */
    const char *meant;    /* ... this one */
};

/* Take a header in, if it is one of these. */
void job_headers_add(struct job_headers *headers, const char *name, const char *value);

struct job_request {
    int64_t delay_ms;          /* 0: none */
    int64_t run_at_ms;         /* wall clock; 0: none */
    char key[JOB_KEY_MAX + 1]; /* "": none */
};

/* Read all but the callback. What is due by now has neither delay nor time. Returns 0, or
 * FERRY_INVALID with a message that names the header. */
int job_request_read(struct job_request *request, const struct job_headers *headers, int64_t now_ms,
                     ferry_error *error);

#endif
