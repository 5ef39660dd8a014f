/* The workers that are built into the server: one file each in this folder. */
#ifndef WORKERS_BUILTIN_H
#define WORKERS_BUILTIN_H

#include <ferry/worker.h>

extern const ferry_worker *const builtin_workers[]; /* NULL-terminated */

#endif
