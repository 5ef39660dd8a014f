/* What the fuzz targets share: the function that each has, a check that ends the process, and the
 * input cut into texts. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* What is left of an input, while a target takes pieces from it. */
struct fuzz_input {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t fuzz_byte(struct fuzz_input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++;
}

/* Take up to `length` bytes; the copy is of its own size, so that a step beyond its end is seen,
 * and has a NUL. The caller frees it. */
static inline char *fuzz_take(struct fuzz_input *input, size_t length)
{
    length = length < input->left ? length : input->left;
    char *text = malloc(length + 1);
    if (!text)
        abort();
    memcpy(text, input->at, length);
    text[length] = '\0';
    input->at += length;
    input->left -= length;
    return text;
}

/* Take a text up to a NUL, which is dropped, or the end. */
static inline char *fuzz_text(struct fuzz_input *input)
{
    const uint8_t *nul = input->left ? memchr(input->at, '\0', input->left) : NULL;
    char *text = fuzz_take(input, nul ? (size_t)(nul - input->at) : input->left);
    fuzz_byte(input);
    return text;
}

#endif
