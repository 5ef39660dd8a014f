/* A plug-in whose worker cannot run. */
#include <ferry/worker.h>

FERRY_WORKER(no_run, .run = NULL)
