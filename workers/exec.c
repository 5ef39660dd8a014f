/*
 * exec: a program as a worker. The request's body is its standard input, its standard output the
 * answer. An exit code other than 0 is a failure, and one that may pass unless the config says
 * otherwise, with the end of what it wrote to standard error.
 *
 *     thumbs:
 *       use: exec
 *       command: [/usr/bin/convert, "-", -resize, 64x64, "png:-"]   # required; no shell
 *       content_type: image/png       # of the answer; application/octet-stream
 *       stdout_limit: 8MiB            # more is a failure
 *       stderr_limit: 4KiB            # this much of the end is kept
 *       params: [size]                # path parameters and query values that it may see
 *       env: [LD_LIBRARY_PATH, MODE=fast]   # more variables: the server's own, or with a value
 *       permanent: [65]               # exit codes of what would fail again; none
 *
 * Its environment holds nothing but PATH, HOME, LANG, TZ and TMPDIR as the server has them, what
 * `env` names, and of the call: FERRY_METHOD, FERRY_DELIVERY_ID, FERRY_ATTEMPT,
 * FERRY_CONTENT_TYPE, FERRY_SCHEDULE and FERRY_SLOT if there are such headers, FERRY_PARAM_size for
 * each name under `params` that was given.
 * The server's secrets stay out of it, and so does what a caller could inject by a name of its own.
 *
 * The state is made by open and only read afterwards. A run belongs to its pool thread, which
 * blocks SIGPIPE as all of them do; the cancel hook writes to the run's eventfd.
 */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ferry/worker.h>

#include "ascii.h"
#include "bytes.h"
#include "process.h"

enum {
    DEFAULT_STDOUT_LIMIT = 8 << 20,
    DEFAULT_STDERR_LIMIT = 4096,
    ERRORS_SHOWN = 160, /* what fits into a message */
};

struct exec {
    char *path;
    const char *const *command; /* the settings' */
    const char *const *params;  /* NULL: none */
    char **environment;         /* what is the same for every call; NULL-terminated */
    size_t environment_count;
    size_t param_count;
    const char *content_type;
    size_t stdout_limit;
    size_t stderr_limit;
    bool permanent[256]; /* by exit code */
};

/* ---- open: the program ---- */

static bool is_executable(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

/* Return the first executable of this name in PATH, NULL if there is none. */
static char *find_in_path(const char *name)
{
    const char *folders = getenv("PATH");
    if (!folders || !*folders)
        folders = "/usr/local/bin:/usr/bin:/bin";
    for (;;) {
        size_t length = strcspn(folders, ":");
        char *path = text_printf("%.*s/%s", (int)length, folders, name);
        if (path && length > 0 && is_executable(path))
            return path;
        free(path);
        if (!folders[length])
            return NULL;
        folders += length + 1;
    }
}

static void read_command(struct exec *exec, ferry_settings *settings)
{
    exec->command = ferry_settings_list(settings, "command");
    const char *program = exec->command ? exec->command[0] : NULL;
    bool is_a_line = program && !exec->command[1] && strchr(program, ' ');
    const char *hint = is_a_line ? "; write a list: the program, and each of its arguments" : "";
    if (!program || !*program) {
        ferry_settings_fail(settings, "command",
                            "command is missing: a list of a program and its arguments");
    } else if (!strchr(program, '/')) {
        exec->path = find_in_path(program);
        if (!exec->path)
            ferry_settings_fail(settings, "command", "no executable %s in PATH%s", program, hint);
    } else if (is_executable(program)) {
        exec->path = strdup(program);
    } else {
        ferry_settings_fail(settings, "command", "%s: %s%s", program,
                            access(program, F_OK) < 0 ? strerror(errno) : "not an executable file",
                            hint);
    }
}

/* ---- open: the environment ---- */

/* Tell whether `name`, up to its '=' if it has one, can name a variable. */
static bool is_variable_name(const char *name)
{
    size_t length = strcspn(name, "=");
    for (size_t i = 0; i < length; i++) {
        if (!ascii_is_alnum(name[i]) && name[i] != '_')
            return false;
    }
    return length > 0;
}

static size_t list_count(const char *const *list)
{
    size_t count = 0;
    while (list && list[count])
        count++;
    return count;
}

static bool environment_has(const struct exec *exec, const char *entry)
{
    size_t length = strcspn(entry, "=");
    for (size_t i = 0; i < exec->environment_count; i++) {
        const char *other = exec->environment[i];
        if (strncmp(other, entry, length) == 0 && other[length] == '=')
            return true;
    }
    return false;
}

/* Add "NAME=value" as it is; of a bare NAME the server's value, if it has one. The first entry of a
 * name counts: programs differ in which of two they take. */
static void environment_add(struct exec *exec, const char *entry)
{
    if (environment_has(exec, entry))
        return;
    const char *value = strchr(entry, '=') ? NULL : getenv(entry);
    char *text = value ? text_printf("%s=%s", entry, value) : strdup(entry);
    if (text && strchr(text, '='))
        exec->environment[exec->environment_count++] = text;
    else
        free(text);
}

static int read_environment(struct exec *exec, ferry_settings *settings)
{
    static const char *const inherited[] = {"PATH", "HOME", "LANG", "TZ", "TMPDIR", NULL};
    const char *const *more = ferry_settings_list(settings, "env");
    exec->environment =
        calloc(list_count(inherited) + list_count(more) + 1, sizeof *exec->environment);
    if (!exec->environment)
        return FERRY_INTERNAL;
    for (size_t i = 0; more && more[i]; i++) {
        if (is_variable_name(more[i]))
            environment_add(exec, more[i]);
        else
            ferry_settings_fail(settings, "env", "env: \"%s\" is neither NAME nor NAME=value",
                                more[i]);
    }
    for (size_t i = 0; inherited[i]; i++)
        environment_add(exec, inherited[i]);
    exec->params = ferry_settings_list(settings, "params");
    exec->param_count = list_count(exec->params);
    for (size_t i = 0; i < exec->param_count; i++) {
        if (!is_variable_name(exec->params[i]) || strchr(exec->params[i], '='))
            ferry_settings_fail(settings, "params",
                                "params: \"%s\": only letters, digits and _ can be handed on",
                                exec->params[i]);
    }
    return 0;
}

/* ---- open: the exit codes ---- */

static void read_permanent(struct exec *exec, ferry_settings *settings)
{
    const char *const *codes = ferry_settings_list(settings, "permanent");
    for (; codes && *codes; codes++) {
        char *end = NULL;
        unsigned long code = isdigit((unsigned char)**codes) ? strtoul(*codes, &end, 10) : 0;
        if (code > 0 && code < sizeof exec->permanent && !*end)
            exec->permanent[code] = true;
        else
            ferry_settings_fail(settings, "permanent",
                                "permanent: \"%s\" is not an exit code from 1 to 255", *codes);
    }
}

/* ---- open and close ---- */

static void exec_close(void *state)
{
    struct exec *exec = state;
    for (size_t i = 0; i < exec->environment_count; i++)
        free(exec->environment[i]);
    free(exec->environment);
    free(exec->path);
    free(exec);
}

static int exec_open(ferry_settings *settings, void **state, ferry_error *error)
{
    struct exec *exec = calloc(1, sizeof *exec);
    if (!exec)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    read_command(exec, settings);
    exec->content_type =
        ferry_settings_string(settings, "content_type", "application/octet-stream");
    exec->stdout_limit = ferry_settings_bytes(settings, "stdout_limit", DEFAULT_STDOUT_LIMIT);
    exec->stderr_limit = ferry_settings_bytes(settings, "stderr_limit", DEFAULT_STDERR_LIMIT);
    read_permanent(exec, settings);
    if (read_environment(exec, settings) < 0) {
        exec_close(exec);
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    }
    *state = exec;
    return 0;
}

/* ---- run ---- */

static void append_variable(char **environment, size_t *count, char *entry)
{
    if (entry)
        environment[(*count)++] = entry;
}

static const struct {
    const char *header, *name;
} from_headers[] = {
    {"Content-Type", "FERRY_CONTENT_TYPE"},
    {"Ferry-Schedule", "FERRY_SCHEDULE"},
    {"Ferry-Slot", "FERRY_SLOT"},
};
enum { HEADERS = sizeof from_headers / sizeof from_headers[0] };

/* Make a call's environment: the worker's entries, then the call's own (those are freed with it).
 * NULL without memory. */
static char **call_environment(const struct exec *exec, ferry_call *call)
{
    enum { OWN = 3 + HEADERS }; /* FERRY_METHOD and so on */
    size_t count = exec->environment_count;
    char **environment = calloc(count + OWN + exec->param_count + 1, sizeof *environment);
    if (!environment)
        return NULL;
    memcpy(environment, exec->environment, count * sizeof *environment);
    append_variable(environment, &count, text_printf("FERRY_METHOD=%s", ferry_call_method(call)));
    append_variable(environment, &count,
                    text_printf("FERRY_DELIVERY_ID=%s", ferry_call_delivery_id(call)));
    append_variable(environment, &count, text_printf("FERRY_ATTEMPT=%u", ferry_call_attempt(call)));
    for (size_t i = 0; i < HEADERS; i++) {
        const char *value = ferry_call_header(call, from_headers[i].header);
        if (value)
            append_variable(environment, &count, text_printf("%s=%s", from_headers[i].name, value));
    }
    for (size_t i = 0; i < exec->param_count; i++) {
        const char *value = ferry_call_param(call, exec->params[i]);
        if (value)
            append_variable(environment, &count,
                            text_printf("FERRY_PARAM_%s=%s", exec->params[i], value));
    }
    return environment;
}

static void call_environment_free(const struct exec *exec, char **environment)
{
    for (char **own = environment + exec->environment_count; *own; own++)
        free(*own);
    free(environment);
}

/* The end of standard error as one line of a message; the log has all of what was kept. */
static int fail_with_errors(ferry_call *call, const struct exec *exec,
                            const struct process_result *result)
{
    const struct bytes *errors = &result->errors;
    size_t end = errors->length;
    while (end > 0 && ascii_is_space(errors->data[end - 1]))
        end--;
    size_t start = end > ERRORS_SHOWN ? end - ERRORS_SHOWN : 0;
    while (start > 0 && start < end && ((unsigned char)errors->data[start] & 0xC0) == 0x80)
        start++; /* not in the middle of a character */
    char shown[ERRORS_SHOWN + 1] = "";
    size_t length = 0;
    for (size_t i = start; i < end; i++)
        shown[length++] = (unsigned char)errors->data[i] < ' ' ? ' ' : errors->data[i];
    shown[length] = '\0';
    bool exited = result->end == PROCESS_EXITED;
    ferry_log(FERRY_LOG_WARN, "program failed",
              exited ? "delivery_id=%s code=%d stderr=%.*s"
                     : "delivery_id=%s signal=%d stderr=%.*s",
              ferry_call_delivery_id(call), result->code, (int)end, bytes_text(errors));
    bool permanent = exited && exec->permanent[(unsigned char)result->code];
    return ferry_call_fail(call, permanent ? FERRY_UNPROCESSABLE : FERRY_TRANSIENT, "%s %d%s%s%s",
                           exited ? "exit code" : "ended by signal", result->code,
                           length ? ": " : "", start ? "..." : "", shown);
}

static int reply_with_result(ferry_call *call, const struct exec *exec,
                             const struct process_result *result)
{
    switch (result->end) {
    case PROCESS_EXITED:
        if (result->code == 0)
            return ferry_call_reply(call, 200, exec->content_type, bytes_text(&result->output),
                                    result->output.length);
        return fail_with_errors(call, exec, result);
    case PROCESS_SIGNALLED:
        return fail_with_errors(call, exec, result);
    case PROCESS_SAID_TOO_MUCH:
        /* Not transient: the same input makes the same output, and the limit is ours. */
        return ferry_call_fail(call, FERRY_INTERNAL, "it wrote more than stdout_limit, %zu bytes",
                               exec->stdout_limit);
    case PROCESS_OUT_OF_MEMORY:
        return ferry_call_fail(call, FERRY_INTERNAL, "no memory for its output");
    case PROCESS_TIMED_OUT:
        break;
    case PROCESS_INTERRUPTED:
        if (ferry_call_time_left_ms(call) > 0)
            return ferry_call_fail(call, FERRY_CANCELLED, "the caller left; killed");
    }
    return ferry_call_fail(call, FERRY_DEADLINE, "not done at the deadline; killed");
}

static int run_process(ferry_call *call, const struct exec *exec, char **environment,
                       int interrupt_fd)
{
    struct process_options options = {
        .path = exec->path,
        .arguments = (char *const *)exec->command,
        .environment = environment,
        .output_limit = exec->stdout_limit,
        .errors_kept = exec->stderr_limit,
        .timeout_ms = ferry_call_time_left_ms(call),
        .interrupt_fd = interrupt_fd,
    };
    options.input = ferry_call_body(call, &options.input_length);
    struct process_result result;
    ferry_error error;
    int rc = process_run(&options, &result, &error);
    rc = rc < 0 ? ferry_call_fail(call, (ferry_code)rc, "%s", error.message)
                : reply_with_result(call, exec, &result);
    process_result_fini(&result);
    return rc;
}

static int run(ferry_call *call, void *state)
{
    const struct exec *exec = state;
    int interrupt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (interrupt_fd < 0)
        return ferry_call_fail(call, FERRY_TRANSIENT, "no eventfd: %s", strerror(errno));
    int rc;
    char **environment = call_environment(exec, call);
    ferry_call_set_data(call, &interrupt_fd);
    if (!environment)
        rc = ferry_call_fail(call, FERRY_INTERNAL, "no memory");
    else if (ferry_call_is_cancelled(call)) /* before the hook could find anything */
        rc = ferry_call_fail(call, FERRY_CANCELLED, "the caller left");
    else
        rc = run_process(call, exec, environment, interrupt_fd);
    ferry_call_set_data(call, NULL);
    close(interrupt_fd);
    if (environment)
        call_environment_free(exec, environment);
    return rc;
}

static void cancel(ferry_call *call)
{
    const int *interrupt_fd = ferry_call_data(call);
    if (interrupt_fd)
        eventfd_write(*interrupt_fd, 1);
}

FERRY_WORKER(exec, .open = exec_open, .close = exec_close, .run = run, .cancel = cancel)
