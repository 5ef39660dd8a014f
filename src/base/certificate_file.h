/* Files of certificates, in PEM. Any thread; no state. */
#ifndef BASE_CERTIFICATE_FILE_H
#define BASE_CERTIFICATE_FILE_H

#include <ferry/error.h>

/* Return what is wrong with the dates of the first certificate of a file, to be put behind its
 * name: "has expired". NULL: nothing, or it cannot be read. */
const char *certificate_is_out_of_date(const char *path);

/* Tell whether a file can be read and holds certificates at all. Returns 0, FERRY_INVALID if there
 * are none, or an error of bytes_read_file. Blocks. */
int certificate_file_check(const char *path, ferry_error *error);

#endif
