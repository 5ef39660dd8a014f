/*
 * libcurl's callbacks of a transfer, for the file that sets it up.
 */
#ifndef HTTP_TRANSFER_SETUP_H
#define HTTP_TRANSFER_SETUP_H

#include <stddef.h>

size_t transfer_on_header(char *line, size_t size, size_t count, void *arg);
size_t transfer_on_body(char *data, size_t size, size_t count, void *arg);

#endif
