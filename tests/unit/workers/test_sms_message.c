/* Requests to a gateway: each value in its place, escaped as that wants it, and signed. */
#include "sms_fixture.h"
#include "sms_message.h"

static const struct sms_value own[] = {{"to", "+491"}, {"text", "a&b=\"\xC3\xA4\" +\n"}, {0}};

static void build(const struct sms_fixture *f, struct sms_message *message)
{
    ferry_error error = {0};
    struct sms_values values = {
        .own = own, .secrets = &f->gateway->secrets, .masks_secrets = f->gateway->is_dry_run};
    if (sms_message_build(message, f->gateway, &values, &error) < 0)
        fail_msg("%s", error.message);
}

static void assert_headers(const struct sms_message *message, const char *expected)
{
    struct bytes all = {0};
    const char *header = NULL;
    while ((header = http_request_next_header(&message->request, header)))
        bytes_printf(&all, "%s|", header);
    assert_string_equal(bytes_text(&all), expected);
    bytes_fini(&all);
}

static void test_a_query(void **state)
{
    (void)state;
    struct sms_fixture f;
    struct sms_message message;
    SMS_FIXTURE(&f, {NULL, "url", {"http://h/{{text}}?fixed=1"}}, {NULL, "query", {0}},
                {"query", "z to", {"{{to}}"}}, {"query", "a", {"{{text}}"}});
    build(&f, &message);
    assert_string_equal(message.request.method, "GET");
    assert_string_equal(message.url.text, "http://h/a%26b%3D%22%C3%A4%22%20%2B%0A?fixed=1&"
                                          "z%20to=%2B491&a=a%26b%3D%22%C3%A4%22%20%2B%0A");
    assert_null(message.request.body);
    assert_headers(&message, "");
    sms_message_fini(&message);
    sms_fixture_close(&f);
}

static void test_a_form_with_basic_authentication(void **state)
{
    (void)state;
    struct sms_fixture f;
    struct sms_message message;
    SMS_FIXTURE(&f, SMS_URL, {NULL, "form", {0}}, {"form", "To", {"{{to}}"}},
                {"form", "Body", {"{{text}}"}}, {NULL, "headers", {0}},
                {"headers", "X-To", {"n {{to}}"}}, {NULL, "auth", {0}}, {"auth", "type", {"basic"}},
                {"auth", "username", {"Aladdin"}}, {"auth", "password", {"open sesame"}});
    build(&f, &message);
    assert_string_equal(message.request.method, "POST");
    assert_string_equal(message.request.body, "To=%2B491&Body=a%26b%3D%22%C3%A4%22%20%2B%0A");
    assert_headers(&message, "X-To: n +491|Content-Type: application/x-www-form-urlencoded|"
                             "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==|");
    sms_message_fini(&message);
    sms_fixture_close(&f);
}

static void test_json_from_maps_and_from_a_text(void **state)
{
    (void)state;
    struct sms_fixture f;
    struct sms_message message;
    SMS_FIXTURE(&f, SMS_URL, {NULL, "json", {0}}, {"json", "to", {"{{to}}", "x"}},
                {"json", "deep", {0}}, {"json.deep", "text", {"{{text}}"}}, {"json", "n", {"5"}});
    build(&f, &message);
    assert_string_equal(message.request.body, "{\"to\":[\"+491\",\"x\"],\"deep\":{\"text\":"
                                              "\"a&b=\\\"\xC3\xA4\\\" +\\n\"},\"n\":\"5\"}");
    sms_message_fini(&message);
    sms_fixture_close(&f);

    SMS_FIXTURE(&f, SMS_URL, {NULL, "method", {"PUT"}},
                {NULL, "json_text", {"[{\"to\": \"{{to}}\", \"n\": 5, \"b\": true, \"z\": null}]"}},
                {NULL, "headers", {0}}, {"headers", "content-type", {"application/x+json"}});
    build(&f, &message);
    assert_string_equal(message.request.method, "PUT");
    assert_string_equal(message.request.body, "[{\"to\":\"+491\",\"n\":5,\"b\":true,\"z\":null}]");
    assert_headers(&message, "content-type: application/x+json|");
    sms_message_fini(&message);
    sms_fixture_close(&f);
}

/* The example of Aliyun's documentation of signatures, whose result is published there. */
static void test_a_signed_query(void **state)
{
    (void)state;
    struct sms_fixture f;
    struct sms_message message;
    SMS_FIXTURE(&f, SMS_URL, {NULL, "query", {0}}, {"query", "Timestamp", {"2016-02-23T12:46:24Z"}},
                {"query", "Format", {"XML"}}, {"query", "AccessKeyId", {"testid"}},
                {"query", "Action", {"DescribeRegions"}},
                {"query", "SignatureMethod", {"HMAC-SHA1"}},
                {"query", "SignatureNonce", {"3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"}},
                {"query", "Version", {"2014-05-26"}}, {"query", "SignatureVersion", {"1.0"}},
                {NULL, "auth", {0}}, {"auth", "type", {"hmac"}}, {"auth", "hash", {"sha1"}},
                {"auth", "key", {"testsecret&"}});
    build(&f, &message);
    const char *signature = strstr(message.url.text, "&Signature=");
    assert_non_null(signature);
    assert_string_equal(signature, "&Signature=OLeaidS1JvxuMvnyHOwuJ%2BuX5qY%3D");
    sms_message_fini(&message);
    sms_fixture_close(&f);
}

static void test_a_signature_of_ones_own(void **state)
{
    (void)state;
    struct sms_fixture f;
    struct sms_message message;
    SMS_FIXTURE(&f, SMS_URL, {NULL, "query", {0}}, {"query", "b", {"2"}}, {NULL, "form", {0}},
                {"form", "a", {"1 "}}, {NULL, "auth", {0}}, {"auth", "type", {"hmac"}},
                {"auth", "key", {"Jefe"}}, {"auth", "encoding", {"hex"}},
                {"auth", "string", {"{{method}} {{params}}"}}, {"auth", "parameter", {"sign"}});
    build(&f, &message);
    /* printf 'POST a=1%%20&b=2' | openssl dgst -sha256 -hmac Jefe */
    assert_string_equal(message.request.body,
                        "a=1%20&sign="
                        "6e2f31b39c9177605460da45de9300276325e9bff1fe678a88042321a020afe3");
    sms_message_fini(&message);
    sms_fixture_close(&f);
}

static void test_a_dry_run_shows_no_secret(void **state)
{
    (void)state;
    struct sms_fixture f;
    struct sms_message message;
    SMS_FIXTURE(&f, SMS_URL, {NULL, "dry_run", {"true"}}, {NULL, "query", {0}},
                {"query", "key", {"{{secret:PATH}}"}}, {NULL, "auth", {0}},
                {"auth", "type", {"basic"}}, {"auth", "username", {"{{secret:NOT_THERE}}"}},
                {"auth", "password", {"{{secret:PATH}}"}});
    build(&f, &message);
    assert_string_equal(message.url.text, "http://h/?key=SECRET");
    assert_headers(&message, "Authorization: Basic SECRET|");
    sms_message_fini(&message);
    sms_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_query),
        cmocka_unit_test(test_a_form_with_basic_authentication),
        cmocka_unit_test(test_json_from_maps_and_from_a_text),
        cmocka_unit_test(test_a_signed_query),
        cmocka_unit_test(test_a_signature_of_ones_own),
        cmocka_unit_test(test_a_dry_run_shows_no_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
