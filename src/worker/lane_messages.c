/* The messages of a lane: what is in each, in which order. */
#include "lane_messages.h"

#include <stdlib.h>
#include <string.h>

#include "call_struct.h"
#include "log_line.h"
#include "log_stderr.h"
#include "settings.h"

static int not_sound(ferry_error *error)
{
    return ferry_error_set(error, FERRY_INVALID, "a message makes no sense");
}

static int no_memory(ferry_error *error)
{
    return ferry_error_set(error, FERRY_INTERNAL, "no memory");
}

/* ---- the log ---- */

static void put_log(struct bytes *out)
{
    message_put_number(out, log_level());
    message_put_number(out, log_format());
}

static void take_log(struct message *message)
{
    ferry_log_set_level((ferry_log_level)message_number(message));
    ferry_log_set_format((ferry_log_format)message_number(message));
}

void lane_put_log(struct bytes *out)
{
    size_t begin = message_begin(out, MESSAGE_LOG);
    put_log(out);
    message_end(out, begin);
}

int lane_take_log(struct message *message)
{
    take_log(message);
    return message_is_sound(message) ? 0 : FERRY_INVALID;
}

/* ---- open ---- */

/* An entry: the length of its map's key (-1: it is in none), the key, its kind, its values. */
static void put_setting(void *arg, const ferry_setting *setting)
{
    struct bytes *out = arg;
    int64_t count = 0;
    while (setting->values[count])
        count++;
    message_put_number(out, setting->name - setting->key - 1);
    message_put_text(out, setting->key);
    message_put_number(out, setting->kind);
    message_put_number(out, count);
    for (int64_t i = 0; i < count; i++)
        message_put_text(out, setting->values[i]);
}

void lane_put_opening(struct bytes *out, const struct lane_opening *opening)
{
    size_t begin = message_begin(out, MESSAGE_OPEN);
    message_put_text(out, opening->worker);
    message_put_text(out, opening->kind);
    message_put_number(out, (int64_t)opening->plugin_count);
    for (size_t i = 0; i < opening->plugin_count; i++)
        message_put_text(out, opening->plugins[i]);
    message_put_number(out, (int64_t)opening->answer_limit);
    message_put_text(out, opening->folder ? opening->folder : "");
    message_put_text(out, ferry_settings_state_dir(opening->settings));
    settings_each(opening->settings, put_setting, out);
    message_end(out, begin);
}

/* A list of texts, NULL-terminated; each takes nine bytes at least. NULL when it is not there. */
static const char **take_texts(struct message *message, size_t *count)
{
    int64_t number = message_number(message);
    if (message->is_broken || number < 0 || (uint64_t)number > message->left / 9) {
        message->is_broken = true;
        return NULL;
    }
    const char **texts = calloc((size_t)number + 1, sizeof *texts);
    for (int64_t i = 0; texts && i < number; i++) {
        texts[i] = message_text(message);
        if (!texts[i]) {
            message->is_broken = true;
            break;
        }
    }
    *count = (size_t)number;
    return texts;
}

static int take_setting(struct message *message, ferry_settings *settings)
{
    int64_t map_length = message_number(message);
    const char *key = message_text(message);
    int64_t kind = message_number(message);
    size_t count = 0;
    const char **values = take_texts(message, &count);
    bool is_sound = values && !message->is_broken && key && map_length >= -1 &&
                    map_length < (int64_t)strlen(key);
    char *map = is_sound && map_length >= 0 ? strndup(key, (size_t)map_length) : NULL;
    const char *name = is_sound ? key + map_length + 1 : NULL;
    int rc = FERRY_INVALID;
    if (is_sound && kind == FERRY_SETTING_MAP)
        rc = settings_add_map(settings, map, name);
    else if (is_sound)
        rc = settings_add_below(settings, map, name, values, count, kind == FERRY_SETTING_LIST);
    free(map);
    free(values);
    return rc;
}

int lane_take_opening(struct message *message, struct lane_opened *opened, ferry_error *error)
{
    size_t count = 0;
    *opened = (struct lane_opened){0};
    opened->worker = message_text(message);
    opened->kind = message_text(message);
    opened->plugins = take_texts(message, &count);
    opened->answer_limit = (size_t)message_number(message);
    opened->folder = message_text(message);
    const char *state_dir = message_text(message);
    if (message->is_broken || !opened->worker || !opened->kind || !opened->folder || !state_dir)
        return not_sound(error);
    opened->settings = settings_new(opened->worker, state_dir);
    if (!opened->settings)
        return no_memory(error);
    while (message->left > 0) {
        if (take_setting(message, opened->settings) < 0)
            return not_sound(error);
    }
    return 0;
}

/* ---- a call ---- */

void lane_put_call(struct bytes *out, const ferry_call *call)
{
    size_t begin = message_begin(out, MESSAGE_CALL);
    int64_t left_ms = ferry_call_time_left_ms(call);
    put_log(out);
    message_put_number(out, call->attempt);
    message_put_number(out, left_ms == INT64_MAX ? 0 : left_ms > 0 ? left_ms : 1);
    message_put_text(out, call->delivery_id);
    message_put_text(out, call->route);
    message_put_number(out, call->memory != NULL);
    message_put_data(out, call->memory, call->memory_length);
    message_put_data(out, call->input.block, call->input.length);
    message_end(out, begin);
}

ferry_call *lane_take_call(struct message *message, const struct worker *worker, ferry_error *error)
{
    take_log(message);
    struct call_options options = {0};
    options.attempt = (unsigned)message_number(message);
    options.timeout_ms = message_number(message);
    options.delivery_id = message_text(message);
    options.route = message_text(message);
    bool has_memory = message_number(message) != 0;
    const char *memory = message_data(message, &options.memory_length);
    options.memory = has_memory ? memory : NULL;
    size_t length;
    const char *block = message_data(message, &length);
    if (!message_is_sound(message)) {
        not_sound(error);
        return NULL;
    }
    char *copy = malloc(length > 0 ? length : 1);
    if (!copy) {
        no_memory(error);
        return NULL;
    }
    memcpy(copy, block, length);
    return call_new(worker, copy, length, &options, error);
}

/* ---- what comes back ---- */

void lane_put_progress(struct bytes *out, double fraction, const char *text)
{
    size_t begin = message_begin(out, MESSAGE_PROGRESS);
    message_put_data(out, &fraction, sizeof fraction);
    message_put_text(out, text);
    message_end(out, begin);
}

int lane_take_progress(struct message *message, ferry_call *call)
{
    size_t length;
    double fraction;
    const char *data = message_data(message, &length);
    const char *text = message_text(message);
    if (!message_is_sound(message) || length != sizeof fraction)
        return FERRY_INVALID;
    memcpy(&fraction, data, sizeof fraction);
    ferry_call_progress(call, fraction, text);
    return 0;
}

void lane_put_dropped(struct bytes *out, uint64_t count)
{
    size_t begin = message_begin(out, MESSAGE_DROPPED);
    message_put_number(out, (int64_t)count);
    message_end(out, begin);
}

int lane_take_dropped(struct message *message)
{
    int64_t count = message_number(message);
    if (!message_is_sound(message) || count < 0 || count > INT32_MAX)
        return FERRY_INVALID;
    log_stderr_add_dropped((uint64_t)count);
    return 0;
}

void lane_put_answer(struct bytes *out, ferry_call *call)
{
    const struct call_output *output = call_output(call);
    size_t begin = message_begin(out, MESSAGE_ANSWER);
    message_put_number(out, output->error.code);
    message_put_text(out, output->error.message);
    message_put_number(out, output->status);
    message_put_text(out, output->content_type);
    message_put_data(out, output->body.data, output->body.length);
    message_put_data(out, output->headers.data, output->headers.length);
    message_put_number(out, output->remembers);
    message_put_data(out, output->memory.data, output->memory.length);
    message_put_number(out, output->retry_after_ms);
    message_put_number(out, output->pause_route_ms);
    message_end(out, begin);
}

/* Pairs of texts, each with its NUL. The functions of worker.h look at what is in them. */
static int take_headers(ferry_call *call, const char *at, size_t length)
{
    const char *end = at + length;
    while (at < end) {
        const char *value = at + strlen(at) + 1;
        if (value >= end || ferry_call_reply_header(call, at, value) == FERRY_INVALID)
            return FERRY_INVALID;
        at = value + strlen(value) + 1;
    }
    return at == end ? 0 : FERRY_INVALID;
}

int lane_take_answer(struct message *message, ferry_call *call)
{
    ferry_code code = (ferry_code)message_number(message);
    const char *why = message_text(message);
    int64_t status = message_number(message);
    const char *type = message_text(message);
    size_t length, headers_length, memory_length;
    const char *body = message_data(message, &length);
    const char *headers = message_data(message, &headers_length);
    bool remembers = message_number(message) != 0;
    const char *memory = message_data(message, &memory_length);
    int64_t retry_after_ms = message_number(message), pause_route_ms = message_number(message);
    if (!message_is_sound(message) || !why || (code == FERRY_OK && (status < 200 || status > 599)))
        return FERRY_INVALID;
    if (remembers && ferry_call_remember(call, memory, memory_length) == FERRY_TOO_LARGE)
        return FERRY_INVALID;
    ferry_call_retry_after(call, retry_after_ms);
    ferry_call_pause_route(call, pause_route_ms);
    if (code != FERRY_OK) {
        ferry_call_fail(call, code, "%s", why);
        return 0;
    }
    ferry_call_reply(call, (int)status, type, body, length);
    return take_headers(call, headers, headers_length);
}
