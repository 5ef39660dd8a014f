/*
 * A worker's settings: the keys under `workers: NAME:` as text, and what is wrong with them.
 * The config fills it, or the process that an isolated worker has (lane.h); the worker's `open`
 * asks; what nobody asked for is reported as unknown.
 */
#ifndef WORKER_SETTINGS_H
#define WORKER_SETTINGS_H

#include <ferry/worker.h>

/* `worker` is the name under `workers:`; copied, as everything here. NULL without memory. */
ferry_settings *settings_new(const char *worker, const char *state_dir);
void settings_free(ferry_settings *settings);

/* Add a key with its values; a scalar has one value and is_list false. Returns 0 or FERRY_INTERNAL.
 */
int settings_add(ferry_settings *settings, const char *key, const char *const *values, size_t count,
                 bool is_list);

/* The same inside of a map, which `map` names by its whole key ("json.message"), and an empty map
 * to put them into. A map comes before what is in it; a `map` of NULL is the worker's own. */
int settings_add_below(ferry_settings *settings, const char *map, const char *name,
                       const char *const *values, size_t count, bool is_list);
int settings_add_map(ferry_settings *settings, const char *map, const char *name);

/* Visit all that was added, in order. */
void settings_each(const ferry_settings *settings, ferry_settings_visitor *visit, void *arg);

/* Tell whether two are the same, of the same worker. */
bool settings_equal(const ferry_settings *a, const ferry_settings *b);

/* Report every key that no getter has asked for, naming those that were. */
void settings_report_unknown(ferry_settings *settings);

/* Visit what was reported, in order; `key` may be one that the config does not have. */
typedef void settings_visitor(void *arg, const char *key, const char *message);
size_t settings_problem_count(const ferry_settings *settings);
void settings_each_problem(const ferry_settings *settings, settings_visitor *visit, void *arg);

/* Tell whether something could not be kept for want of memory: a problem, or what was asked for. */
bool settings_lacks_memory(const ferry_settings *settings);

#endif
