/* The loop's thread, while the worker's waits or works: libcurl lets any thread do this, and keeps
 * it for the next wait. */
#include "curl_wake.h"

#include "libcurl.h"

void curl_wake(ferry_call *call)
{
    CURLM *multi = ferry_call_data(call);
    if (multi)
        curl_multi_wakeup(multi);
}
