/* One process owns a state folder: a lock on FOLDER/lock, which the system gives back when the
 * process ends, however it ends. Main thread. */
#ifndef JOBS_FOLDER_LOCK_H
#define JOBS_FOLDER_LOCK_H

#include <ferry/error.h>

/* Take the lock. Returns its descriptor. Errors: FERRY_CONFLICT another process has it,
 * FERRY_FORBIDDEN the folder is not writable, FERRY_INTERNAL other. */
int folder_lock_take(const char *folder, ferry_error *error);
void folder_lock_give_back(int fd);

#endif
