/*
 * Fuzzing templates, of mails and of gateways: the result stays within its bound, values in HTML
 * are escaped, and what can be filled in passes the check.
 *
 * The first byte picks which; then comes the template, a NUL, and the data as JSON, or a few values
 * where that is none.
 */
#include "fuzz.h"

#include "sms_template.h"
#include "template.h"

enum { RESULT_MAX = 1000 };

static const char some_data[] =
    "{\"name\": \"A <b> & \\\"c\\\"\", \"n\": 3, \"yes\": true,"
    " \"x\": null, \"tag\": \"{{name}}\", \"secret\": \"{{secret:KEY}}\","
    " \"u\": {\"v\": [\"one\", {\"w\": 0.5}]}}";

static json_t *take_data(struct fuzz_input *input)
{
    json_t *data = json_loadb((const char *)input->at, input->left, 0, NULL);
    if (!json_is_object(data)) {
        json_decref(data);
        data = json_loads(some_data, 0, NULL);
    }
    if (!data)
        abort();
    return data;
}

static void letter(struct fuzz_input *input)
{
    const bool is_html = fuzz_byte(input) % 2;
    const struct template_options options = {
        .what = "t.txt", .escape = is_html ? template_escape_html : NULL, .max_bytes = RESULT_MAX};
    char *text = fuzz_text(input);
    json_t *data = take_data(input);
    struct bytes out = {0};
    if (template_render(&out, text, strlen(text), data, &options, NULL) == 0)
        FUZZ_CHECK(out.length <= RESULT_MAX);
    if (is_html && !strpbrk(text, "<>\"'") && !strstr(text, "{{{"))
        FUZZ_CHECK(!strpbrk(bytes_text(&out), "<>\"'"));
    bytes_fini(&out);
    json_decref(data);
    free(text);
}

static void gateway(struct fuzz_input *input)
{
    static const struct sms_value own[] = {{"to", "+49 1"}, {"text", "a\"b\n\\&{{n}}"}, {0}};
    const enum sms_escape escape = fuzz_byte(input) % 2 ? SMS_ESCAPE_URL : SMS_ESCAPE_NONE;
    struct sms_secrets secrets = {0};
    FUZZ_CHECK(sms_secrets_parse(&secrets, "KEY=k&k\n", NULL) == 0);
    char *text = fuzz_text(input);
    json_t *data = take_data(input);
    struct sms_values values = {.own = own, .request = data, .secrets = &secrets};
    struct bytes out = {0};
    bool is_checked = sms_template_check(text, &values, NULL) == 0;
    int rc = sms_template_render(text, &values, escape, &out, NULL);
    FUZZ_CHECK(rc == 0 || rc == FERRY_INVALID);
    FUZZ_CHECK(is_checked || rc < 0);
    bytes_fini(&out);
    json_decref(data);
    free(text);
    sms_secrets_fini(&secrets);
}

static void secrets(struct fuzz_input *input)
{
    struct sms_secrets secrets = {0};
    char *text = fuzz_text(input), *name = fuzz_text(input);
    if (sms_secrets_parse(&secrets, text, NULL) == 0)
        sms_secrets_find(&secrets, name);
    sms_secrets_fini(&secrets);
    free(name);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(struct fuzz_input *) = {letter, gateway, secrets};
    struct fuzz_input input = {.at = data, .left = size};
    readers[fuzz_byte(&input) % (sizeof readers / sizeof *readers)](&input);
    return 0;
}
