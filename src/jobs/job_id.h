/* Ids as they are on disk: 16 bytes, of which the text has 32 hexadecimal digits. Any thread. */
#ifndef JOBS_JOB_ID_H
#define JOBS_JOB_ID_H

#include <stdbool.h>

#include "random.h"

/* Returns false when the text is not exactly an id as random_id writes it. */
bool job_id_parse(const char *text, unsigned char bits[RANDOM_ID_BYTES]);
void job_id_format(const unsigned char bits[RANDOM_ID_BYTES], char text[RANDOM_ID_TEXT_SIZE]);

#endif
