/*
 * The worker contract: what one C file provides to put a blocking library behind ferry.
 *
 *     static int run(ferry_call *call, void *state)
 *     {
 *         return ferry_call_reply_json(call, 200, "{\"answer\": %d}", slow_answer());
 *     }
 *     FERRY_WORKER(answer, .run = run)
 *
 * Build it with `cc -shared -fPIC -o answer.so answer.c` and name it under `plugins:`. The
 * functions below are provided by the ferry program that loads it. The symbols of error.h and log.h
 * are there too.
 *
 * Where the config says `isolated: true` the calls run in processes of their own, one for each
 * thread of the pool (docs/isolated.md). Nothing below differs there, but that each process has
 * opened the worker for itself.
 */
#ifndef FERRY_WORKER_H
#define FERRY_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ferry/error.h>
#include <ferry/log.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when a worker built before would misbehave; a plug-in of another version is refused. */
#define FERRY_WORKER_ABI 1

/* One run of a worker: what was asked, and the answer in the making. Belongs to the thread that
 * runs it, until `run` returns. Its strings are valid until then. */
typedef struct ferry_call ferry_call;

/* What the config says under `workers: NAME:`. Valid during `open`. */
typedef struct ferry_settings ferry_settings;

/* A worker. Only `run` is required. States are the worker's own; each is what `open` or
 * `thread_open` stored through its pointer. */
typedef struct ferry_worker {
    unsigned abi;     /* FERRY_WORKER_ABI */
    const char *name; /* what `worker:` and `use:` say in the config */

    /* Once for each name under `workers:` (once in all for a worker without settings), before the
     * first call: read and check the settings; also run by `ferry check`, so connect to nothing
     * and create nothing. Returns 0, or a code with `error` set: anything but 0 is a failure, of
     * `thread_open` too. `close` undoes it. */
    int (*open)(ferry_settings *settings, void **state, ferry_error *error);
    void (*close)(void *state);

    /* On a thread's first call of this worker: what belongs to one thread, such as a connection.
     * A failure fails the call as transient, and the next call tries again. `thread_close` undoes
     * it, on the same thread, when the thread ends. */
    int (*thread_open)(void *state, void **thread_state, ferry_error *error);
    void (*thread_close)(void *thread_state);

    /* The blocking work, on a pool thread; several threads at once. `state` is thread_open's state
     * if there is a thread_open, else open's, else NULL. Returns what ferry_call_reply or
     * ferry_call_fail returned; anything but 0 without an answer is a failure (500). */
    int (*run)(ferry_call *call, void *state);

    /* The caller left, or the deadline passed, while `run` is in progress: end it early. Runs on
     * the loop, more than once if both happen: it must not block. May use ferry_call_data and
     * ferry_call_is_cancelled. */
    void (*cancel)(ferry_call *call);
} ferry_worker;

/* Define a worker. In a plug-in it becomes the one symbol that ferry looks for. In C++ it takes
 * C++20, and all members in their order. */
#ifdef FERRY_BUILTIN_WORKER
#define FERRY_WORKER(id, ...)                                                                      \
    extern const ferry_worker ferry_worker_##id;                                                   \
    const ferry_worker ferry_worker_##id = {.abi = FERRY_WORKER_ABI, .name = #id, __VA_ARGS__};
#else
#define FERRY_WORKER(id, ...)                                                                      \
    extern FERRY_API const ferry_worker ferry_plugin;                                              \
    const ferry_worker ferry_plugin = {.abi = FERRY_WORKER_ABI, .name = #id, __VA_ARGS__};
#endif

/* ---- the call: what was asked ---- */

/* The HTTP method: "POST". */
FERRY_API const char *ferry_call_method(const ferry_call *call);

/* A path parameter, else a query value of this name, unescaped; NULL if there is neither. */
FERRY_API const char *ferry_call_param(const ferry_call *call, const char *name);

/* The same as a number. Errors: FERRY_NOT_FOUND there is none, FERRY_INVALID it is not a number
 * (of 64 bits; a double must be finite) in decimal, whole and without spaces. */
FERRY_API int ferry_call_param_int(const ferry_call *call, const char *name, int64_t *value);
FERRY_API int ferry_call_param_double(const ferry_call *call, const char *name, double *value);

/* A request header, in any case; NULL if it was not sent. A deferred call has no Authorization and
 * no Cookie: credentials are not written to disk. */
FERRY_API const char *ferry_call_header(const ferry_call *call, const char *name);

/* The body; never NULL, and a NUL follows its `length` bytes. `length` may be NULL. */
FERRY_API const char *ferry_call_body(const ferry_call *call, size_t *length);

/* ---- the call: its circumstances ---- */

/* 1 at the first run of a job, one more with each retry; 1 for a live call. */
FERRY_API unsigned ferry_call_attempt(const ferry_call *call);

/* A random name of this delivery, the same over all attempts of a job: the idempotency key to hand
 * to a provider. It is not the job's id, which is a permission and stays inside. */
FERRY_API const char *ferry_call_delivery_id(const ferry_call *call);

/* Milliseconds until the deadline, 0 when it has passed; INT64_MAX without one. */
FERRY_API int64_t ferry_call_time_left_ms(const ferry_call *call);

/* Tell whether the caller left or the deadline passed. Any thread. */
FERRY_API bool ferry_call_is_cancelled(const ferry_call *call);

/* Sleep `ms`, or until cancelled. Errors: FERRY_CANCELLED. Blocks: yes. */
FERRY_API int ferry_call_wait(ferry_call *call, int64_t ms);

/* Report how far the work is: a fraction from 0 to 1 and a message (copied; may be NULL). */
FERRY_API void ferry_call_progress(ferry_call *call, double fraction, const char *message);

/* What an earlier attempt of this job left by ferry_call_remember, NULL if nothing. A NUL follows
 * its `length` bytes; `length` may be NULL. */
FERRY_API const char *ferry_call_remembered(const ferry_call *call, size_t *length);

/* Leave bytes (copied, at most 64 KiB) to the next attempt of this job, such as what is done
 * already; written when this attempt ends, so a crash before loses them. A later call replaces
 * them, a length of 0 leaves nothing. Without this call the next attempt gets what this one got.
 * Errors: FERRY_TOO_LARGE, FERRY_INVALID NULL with a length, FERRY_INTERNAL no memory; what was
 * left before stays then. */
FERRY_API int ferry_call_remember(ferry_call *call, const void *data, size_t length);

/* Something of this run that `cancel` needs; NULL until it is set. After setting it, ask
 * ferry_call_is_cancelled once: a cancel may have come before. When NULL has been set again, or
 * `run` has returned, no `cancel` sees it any more. */
FERRY_API void ferry_call_set_data(ferry_call *call, void *data);
FERRY_API void *ferry_call_data(const ferry_call *call);

/* ---- the call: the answer ---- */

/* Answer with a status from 200 to 599. The body is copied; a later answer replaces this one. The
 * content type may be NULL for none; one with control bytes is left out. A status of 400 and above
 * is a failure: of a job, 5xx, 408 and 429 are tried again. Returns 0. What cannot be an answer
 * (another status, a NULL with a length, a NULL text) fails the call, as want of memory does: then
 * it returns that code. A run that returns 0 without an answer answers 204. Of a job, a body of
 * more than 64 KiB is not kept. */
FERRY_API int ferry_call_reply(ferry_call *call, int status, const char *content_type,
                               const void *body, size_t length);
FERRY_API int ferry_call_reply_text(ferry_call *call, int status, const char *text);

/* The body is made by printf; what goes into a JSON string must be escaped by the caller. */
FERRY_API int ferry_call_reply_json(ferry_call *call, int status, const char *format, ...)
    FERRY_PRINTF(3, 4);

/* Add a header to the answer. Content-Length and what else says where a body ends is left out.
 * Errors: FERRY_INVALID the name is none, or the value has control bytes; FERRY_INTERNAL no
 * memory, and then the call fails in place of an answer that lacks it. */
FERRY_API int ferry_call_reply_header(ferry_call *call, const char *name, const char *value);

/* Fail. The code decides whether a job is tried again (ferry_code_is_transient): FERRY_TRANSIENT
 * for what may pass, FERRY_INVALID and the like for what will not. A live caller gets the code's
 * HTTP status and the message. Returns the code. */
FERRY_API int ferry_call_fail(ferry_call *call, ferry_code code, const char *format, ...)
    FERRY_PRINTF(3, 4);

/* With a failure that may pass: the peer says when to come back (a Retry-After, a greylisting). A
 * job is not tried again before; a live caller is told so. Milliseconds from now. */
FERRY_API void ferry_call_retry_after(ferry_call *call, int64_t ms);

/* With a failure that every job of this route would meet (a wrong password, a peer that takes
 * nothing for now): no other job of the route is started for so long. */
FERRY_API void ferry_call_pause_route(ferry_call *call, int64_t ms);

/* ---- settings ----
 * Each getter returns `fallback` when the key is absent. A value of the wrong kind is reported with
 * its line in the config file, and makes `open` fail whatever it returns; so does a key that `open`
 * never asked for. Strings live as long as the worker's state. What stands in a map has a key with
 * dots: "success.pointer".
 */
FERRY_API const char *ferry_settings_string(ferry_settings *settings, const char *key,
                                            const char *fallback);
FERRY_API int64_t ferry_settings_int(ferry_settings *settings, const char *key, int64_t fallback,
                                     int64_t min, int64_t max);
FERRY_API bool ferry_settings_bool(ferry_settings *settings, const char *key, bool fallback);
FERRY_API int64_t ferry_settings_duration_ms(ferry_settings *settings, const char *key,
                                             int64_t fallback_ms);
FERRY_API size_t ferry_settings_bytes(ferry_settings *settings, const char *key, size_t fallback);

/* A list of strings, or one string as a list of one; NULL-terminated, NULL when absent. */
FERRY_API const char *const *ferry_settings_list(ferry_settings *settings, const char *key);

/* An entry of a map, as ferry_settings_each shows it. */
typedef enum ferry_setting_kind {
    FERRY_SETTING_VALUE,
    FERRY_SETTING_LIST,
    FERRY_SETTING_MAP,
} ferry_setting_kind;

typedef struct ferry_setting {
    const char *key;  /* for the getters, and for what is in a map: "json.message" */
    const char *name; /* in its map: "message" */
    ferry_setting_kind kind;
    const char *const *values; /* NULL-terminated: one of a value, none of a map */
} ferry_setting;

typedef void ferry_settings_visitor(void *arg, const ferry_setting *setting);

/* Visit what stands directly in a map whose names are the user's own, in the order written. All of
 * it counts as asked for. Returns false when there is no such map. */
FERRY_API bool ferry_settings_each(ferry_settings *settings, const char *key,
                                   ferry_settings_visitor *visit, void *arg);

/* The folder for files of the server's own; "state" in the config. */
FERRY_API const char *ferry_settings_state_dir(const ferry_settings *settings);

/* Report what is wrong with a key's value (also with a missing key). Returns FERRY_INVALID. */
FERRY_API int ferry_settings_fail(ferry_settings *settings, const char *key, const char *format,
                                  ...) FERRY_PRINTF(3, 4);

#ifdef __cplusplus
}
#endif

#endif
