/* Ids as they are on disk: 16 bytes, of which the text has 32 hexadecimal digits. Any thread. */
#ifndef JOBS_JOB_ID_H
#define JOBS_JOB_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "random.h"

/*
 * Make an id of 96 random bits: the permission. Before them are 32 bits of the time, so that the
 * ids of jobs that come together are together in the index, on one page of it and not each on
 * another. Returns `id`.
 */
char *job_id_make(char id[RANDOM_ID_TEXT_SIZE], int64_t now_ms);

/* Returns false when the text is not exactly an id as job_id_make writes it. */
bool job_id_parse(const char *text, unsigned char bits[RANDOM_ID_BYTES]);
void job_id_format(const unsigned char bits[RANDOM_ID_BYTES], char text[RANDOM_ID_TEXT_SIZE]);

#endif
