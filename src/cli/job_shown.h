/* A job as the server's JSON has it, and what of it is shown. Main thread; no state. */
#ifndef CLI_JOB_SHOWN_H
#define CLI_JOB_SHOWN_H

#include <jansson.h>

#include "json_text.h"

/* Parse a job, but for the body of its result: that may be any JSON, with numbers that jansson does
 * not take, and is left in `body` as it was written (length 0: there is none). Returns NULL if it
 * is no object. */
json_t *job_parse(struct json_span text, struct json_span *body);

/* Return a member as text; "" if it is null or not there. */
const char *job_text(const json_t *job, const char *key);

/* Read a time. Returns whether there is one. */
bool job_time(const json_t *job, const char *key, int64_t *wall_ms);

bool job_is_final(const json_t *job);

/* Append what the next or the last thing was: "due in 5s", "began 3s ago", "ended 2h ago". */
void append_job_when(struct bytes *out, const json_t *job, int64_t now_ms);

/* Append its progress while it runs, else its error. */
void append_job_note(struct bytes *out, const json_t *job);

/* Append its progress: "45% message"; nothing if there is none. */
void append_job_progress(struct bytes *out, const json_t *job);

/* Append its error: "transient: connection refused"; nothing if there is none. */
void append_job_error(struct bytes *out, const json_t *job);

/* Append whether a route of /jobs/stats lets jobs run: "open", "paused", "broken, opens in 5m (3
 * failures)", "not in the config". */
void append_gate(struct bytes *out, const json_t *route, int64_t now_ms);

#endif
