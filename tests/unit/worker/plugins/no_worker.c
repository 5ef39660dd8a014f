/* A shared object that is no plug-in. */
#include <ferry/error.h>

FERRY_API int unrelated(void);

int unrelated(void)
{
    return 1;
}
