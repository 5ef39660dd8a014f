/* The version of ferry: of these headers, and of the library that is linked. */
#ifndef FERRY_VERSION_H
#define FERRY_VERSION_H

#include <ferry/error.h>

#define FERRY_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/* Return the version of the library that runs: "0.1.0". Thread: any. Owns: a static string. */
FERRY_API const char *ferry_version(void);

#ifdef __cplusplus
}
#endif

#endif
