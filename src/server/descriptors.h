/* Descriptors for connections, and for all else. Any thread; no state. */
#ifndef SERVER_DESCRIPTORS_H
#define SERVER_DESCRIPTORS_H

#include <ferry/http.h>

/* Raise the process's soft limit of descriptors to the hard one. */
void descriptors_raise(void);

/* Lower a limit of connections to what there are descriptors for, and say so in the log. */
void descriptors_fit(ferry_http_options *limits);

#endif
