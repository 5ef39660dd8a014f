/* A plug-in that was built for another ferry. */
#include <ferry/worker.h>

extern FERRY_API const ferry_worker ferry_plugin;
const ferry_worker ferry_plugin = {.abi = FERRY_WORKER_ABI + 1, .name = "from_tomorrow"};
