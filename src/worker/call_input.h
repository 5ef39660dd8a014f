/*
 * What a call was asked, as one block of bytes: the method, path parameters, query values, headers
 * and the body. The same bytes go to a thread, to the database, and one day to another process;
 * there is nothing in them that only this process could understand.
 *
 * Any thread, one at a time.
 */
#ifndef WORKER_CALL_INPUT_H
#define WORKER_CALL_INPUT_H

#include <stddef.h>

#include "bytes.h"

enum call_field {
    CALL_METHOD = 'm', /* its name is empty */
    CALL_PARAM = 'p',
    CALL_QUERY = 'q',
    CALL_HEADER = 'h',
    CALL_BODY = 'b', /* its name is empty; always there, and last */
};

/* Write a block: fields in any order, then the body. A failed append shows in bytes->failed. */
void call_input_add(struct bytes *block, enum call_field field, const char *name, const void *value,
                    size_t length);
void call_input_end(struct bytes *block, const void *body, size_t length);

/* A parsed block. `method` and `body` point into it; the body has a NUL behind its last byte. */
struct call_input {
    char *block;
    size_t length;
    const char *method;
    const char *body;
    size_t body_length;
};

/* Check a block from wherever it came and take it over (malloc memory), also on failure. Returns 0
 * or FERRY_INVALID. */
int call_input_parse(struct call_input *input, char *block, size_t length, ferry_error *error);
void call_input_fini(struct call_input *input);

/* Return the value of the first field of this kind and name, NULL if there is none. The names of
 * headers are compared without regard to case. */
const char *call_input_find(const struct call_input *input, enum call_field kind, const char *name);

#endif
