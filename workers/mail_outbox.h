/* The outbox: a folder of .eml files, for a mailer without a relay. */
#ifndef WORKERS_MAIL_OUTBOX_H
#define WORKERS_MAIL_OUTBOX_H

#include <ferry/error.h>

#include "bytes.h"

/* Write FOLDER/NAME.eml, on disk when it returns, complete or not at all; one of that name is
 * replaced. The folder is made when needed, as are its parents, for the owner's eyes only.
 * Returns 0 with the file's path, which the caller frees, or FERRY_STORAGE_FULL, FERRY_TRANSIENT,
 * FERRY_INTERNAL with `error`. Blocks on the disk. Any thread. */
int mail_outbox_write(const char *folder, const char *name, const struct bytes *message,
                      char **path, ferry_error *error);

#endif
