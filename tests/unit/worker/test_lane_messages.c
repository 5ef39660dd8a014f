/* The messages of a lane: what one end puts the other gets, and nothing else is let through. */
#include "lane_messages.h"

#include <stdlib.h>

#include "call.h"
#include "call_input.h"
#include "log_line.h"
#include "settings.h"
#include "support.h"

static const ferry_worker kind = {.abi = FERRY_WORKER_ABI, .name = "kind"};
static const struct worker worker = {.kind = &kind, .name = (char *)"lone"};

static ferry_call *make_call(const struct call_options *options)
{
    struct bytes block = {0};
    call_input_add(&block, CALL_METHOD, "", "POST", 4);
    call_input_add(&block, CALL_QUERY, "a", "b", 1);
    call_input_end(&block, "a\0body", 6);
    size_t length = block.length;
    ferry_call *call = call_new(&worker, bytes_take(&block), length, options, NULL);
    assert_non_null(call);
    return call;
}

/* What was put, as it is read; it must be one message. */
static struct message read_back(const struct bytes *out)
{
    struct message_inbox inbox = {.bytes = *out};
    struct message message;
    assert_false(out->failed);
    assert_int_equal(message_next(&inbox, &message), 1);
    assert_int_equal(inbox.begin, out->length);
    return message;
}

/* ---- open ---- */

static ferry_settings *sample_settings(void)
{
    ferry_settings *settings = settings_new("lone", "/state");
    const char *one[] = {"x"}, *many[] = {"a", "", "c"};
    settings_add(settings, "one", one, 1, false);
    settings_add(settings, "none", NULL, 0, true);
    settings_add(settings, "dotted.key", one, 1, false);
    settings_add_map(settings, NULL, "map");
    settings_add_below(settings, "map", "list", many, 3, true);
    settings_add_below(settings, "map", "with.dot", one, 1, false);
    settings_add_map(settings, "map", "inner");
    settings_add_below(settings, "map.inner", "", one, 1, false);
    return settings;
}

static void test_settings_arrive_as_they_are(void **state)
{
    (void)state;
    ferry_settings *settings = sample_settings();
    const char *plugins[] = {"/a.so", "b.so"};
    struct bytes out = {0};
    lane_put_opening(&out, &(struct lane_opening){.worker = "lone",
                                                  .kind = "kind",
                                                  .plugins = plugins,
                                                  .plugin_count = 2,
                                                  .folder = "/where/ferry/began",
                                                  .settings = settings});
    struct message message = read_back(&out);
    struct lane_opened opened;
    assert_int_equal(lane_take_opening(&message, &opened, NULL), 0);
    assert_string_equal(opened.worker, "lone");
    assert_string_equal(opened.kind, "kind");
    assert_string_equal(opened.plugins[0], "/a.so");
    assert_string_equal(opened.plugins[1], "b.so");
    assert_null(opened.plugins[2]);
    assert_string_equal(opened.folder, "/where/ferry/began");
    assert_true(settings_equal(opened.settings, settings));
    assert_string_equal(ferry_settings_string(opened.settings, "map.with.dot", NULL), "x");

    free(opened.plugins);
    settings_free(opened.settings);
    settings_free(settings);
    bytes_fini(&out);
}

static void test_an_opening_that_is_cut_is_refused(void **state)
{
    (void)state;
    ferry_settings *settings = sample_settings();
    struct bytes out = {0};
    lane_put_opening(&out, &(struct lane_opening){.worker = "lone",
                                                  .kind = "kind",
                                                  .plugins = (const char *[]){"/a.so"},
                                                  .plugin_count = 1,
                                                  .settings = settings});
    unsigned whole = 0; /* it may end behind any setting: all of those are sound */
    for (size_t length = 0; length < out.length - 9; length++) {
        struct message message = {.at = out.data + 9, .left = length};
        struct lane_opened opened;
        whole += lane_take_opening(&message, &opened, NULL) == 0;
        free(opened.plugins);
        settings_free(opened.settings);
    }
    assert_int_equal(whole, 8);
    settings_free(settings);
    bytes_fini(&out);
}

/* ---- a call ---- */

static void test_a_call_arrives_as_it_is(void **state)
{
    (void)state;
    ferry_call *call = make_call(&(struct call_options){.attempt = 3,
                                                        .timeout_ms = 60000,
                                                        .delivery_id = "0123456789abcdef",
                                                        .memory = "so far",
                                                        .memory_length = 6});
    struct bytes out = {0};
    lane_put_call(&out, call);
    struct message message = read_back(&out);
    ferry_call *taken = lane_take_call(&message, &worker, NULL);
    assert_non_null(taken);
    size_t length;
    assert_string_equal(ferry_call_method(taken), "POST");
    assert_string_equal(ferry_call_param(taken, "a"), "b");
    assert_memory_equal(ferry_call_body(taken, &length), "a\0body", 7);
    assert_int_equal(length, 6);
    assert_int_equal(ferry_call_attempt(taken), 3);
    assert_in_range(ferry_call_time_left_ms(taken), 1, 60000);
    assert_string_equal(ferry_call_delivery_id(taken), "0123456789abcdef");
    assert_string_equal(ferry_call_remembered(taken, &length), "so far");
    call_free(taken);
    call_free(call);
    bytes_fini(&out);
}

static void test_a_call_without_deadline_and_memory_has_none(void **state)
{
    (void)state;
    ferry_call *call = make_call(&(struct call_options){.attempt = 1});
    struct bytes out = {0};
    lane_put_call(&out, call);
    struct message message = read_back(&out);
    ferry_call *taken = lane_take_call(&message, &worker, NULL);
    assert_true(ferry_call_time_left_ms(taken) == INT64_MAX);
    assert_null(ferry_call_remembered(taken, NULL));
    call_free(taken);
    call_free(call);
    bytes_fini(&out);
}

/* ---- what comes back ---- */

/* Pass an answer on; returns the call that got it. */
static ferry_call *answered(ferry_call *call, int expected)
{
    struct bytes out = {0};
    lane_put_answer(&out, call);
    struct message message = read_back(&out);
    ferry_call *other = make_call(&(struct call_options){.attempt = 1});
    assert_int_equal(lane_take_answer(&message, other), expected);
    bytes_fini(&out);
    call_free(call);
    return other;
}

static void test_a_reply_arrives_as_it_is(void **state)
{
    (void)state;
    ferry_call *call = make_call(&(struct call_options){.attempt = 1});
    ferry_call_reply(call, 201, "image/png", "a\0b", 3);
    ferry_call_reply_header(call, "X-One", "1");
    ferry_call_reply_header(call, "X-Two", "");
    ferry_call_remember(call, "done", 4);
    ferry_call_pause_route(call, 7);
    ferry_call *other = answered(call, 0);
    const struct call_output *output = call_output(other);
    assert_int_equal(output->error.code, FERRY_OK);
    assert_int_equal(output->status, 201);
    assert_string_equal(output->content_type, "image/png");
    assert_memory_equal(output->body.data, "a\0b", 3);
    assert_int_equal(output->body.length, 3);
    assert_int_equal(output->headers.length, sizeof "X-One\0"
                                                    "1\0"
                                                    "X-Two\0");
    assert_memory_equal(output->headers.data,
                        "X-One\0"
                        "1\0"
                        "X-Two\0",
                        output->headers.length);
    assert_true(output->remembers);
    assert_string_equal(bytes_text(&output->memory), "done");
    assert_int_equal(output->pause_route_ms, 7);
    call_free(other);
}

static void test_a_failure_arrives_as_it_is(void **state)
{
    (void)state;
    ferry_call *call = make_call(&(struct call_options){.attempt = 1});
    ferry_call_fail(call, FERRY_RATE_LIMITED, "100 %% too often");
    ferry_call_retry_after(call, 2500);
    ferry_call *other = answered(call, 0);
    const struct call_output *output = call_output(other);
    assert_int_equal(output->error.code, FERRY_RATE_LIMITED);
    assert_string_equal(output->error.message, "100 % too often");
    assert_int_equal(output->retry_after_ms, 2500);
    assert_null(output->content_type);
    assert_false(output->remembers);
    call_free(other);
}

static void test_an_answer_that_cannot_be_is_refused(void **state)
{
    (void)state;
    ferry_call *call = make_call(&(struct call_options){.attempt = 1});
    ferry_call_reply_text(call, 200, "text");
    call_output(call)->status = 100;
    call_free(answered(call, FERRY_INVALID));

    call = make_call(&(struct call_options){.attempt = 1});
    ferry_call_reply_text(call, 200, "text");
    bytes_append(&call_output(call)->headers, "X-Odd\0a\nb", sizeof "X-Odd\0a\nb");
    call_free(answered(call, FERRY_INVALID));

    call = make_call(&(struct call_options){.attempt = 1});
    ferry_call_reply_text(call, 200, "text");
    bytes_append(&call_output(call)->headers, "X-Alone", sizeof "X-Alone");
    call_free(answered(call, FERRY_INVALID));
}

static void test_an_answer_that_is_refused_leaves_nothing(void **state)
{
    (void)state;
    ferry_call *call = make_call(&(struct call_options){.attempt = 1});
    ferry_call_reply_text(call, 200, "text");
    ferry_call_retry_after(call, 7);
    ferry_call_pause_route(call, 7);
    ferry_call_remember(call, "this", 4);
    call_output(call)->status = 100;
    ferry_call *other = answered(call, FERRY_INVALID);
    assert_int_equal(call_output(other)->retry_after_ms, 0);
    assert_int_equal(call_output(other)->pause_route_ms, 0);
    assert_false(call_output(other)->remembers);
    call_free(other);
}

static void test_the_log_is_set(void **state)
{
    (void)state;
    struct bytes out = {0};
    ferry_log_set_level(FERRY_LOG_ERROR);
    ferry_log_set_format(FERRY_LOG_JSON);
    lane_put_log(&out);
    ferry_log_set_level(FERRY_LOG_INFO);
    ferry_log_set_format(FERRY_LOG_LOGFMT);
    struct message message = read_back(&out);
    assert_int_equal(lane_take_log(&message), 0);
    assert_int_equal(log_level(), FERRY_LOG_ERROR);
    assert_int_equal(log_format(), FERRY_LOG_JSON);
    ferry_log_set_level(FERRY_LOG_INFO);
    ferry_log_set_format(FERRY_LOG_LOGFMT);
    bytes_fini(&out);
}

static void test_progress_arrives(void **state)
{
    (void)state;
    ferry_call *call = make_call(&(struct call_options){.attempt = 1});
    struct bytes out = {0};
    lane_put_progress(&out, 0.25, "a quarter");
    struct message message = read_back(&out);
    assert_int_equal(lane_take_progress(&message, call), 0);
    double fraction;
    char text[64];
    assert_true(call_get_progress(call, &fraction, text, sizeof text));
    assert_true(fraction == 0.25);
    assert_string_equal(text, "a quarter");
    message = (struct message){.at = out.data + 9, .left = out.length - 10};
    assert_int_equal(lane_take_progress(&message, call), FERRY_INVALID);
    call_free(call);
    bytes_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_arrive_as_they_are),
        cmocka_unit_test(test_an_opening_that_is_cut_is_refused),
        cmocka_unit_test(test_a_call_arrives_as_it_is),
        cmocka_unit_test(test_a_call_without_deadline_and_memory_has_none),
        cmocka_unit_test(test_a_reply_arrives_as_it_is),
        cmocka_unit_test(test_a_failure_arrives_as_it_is),
        cmocka_unit_test(test_an_answer_that_cannot_be_is_refused),
        cmocka_unit_test(test_an_answer_that_is_refused_leaves_nothing),
        cmocka_unit_test(test_the_log_is_set),
        cmocka_unit_test(test_progress_arrives),
    };
    return cmocka_run_group_tests_name("worker/lane_messages", tests, NULL, NULL);
}
