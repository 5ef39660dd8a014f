/*
 * Fuzzing the email worker: whatever a caller asks for, the message is ASCII with whole lines, and
 * its header has the fields that ferry writes once, and none that a caller smuggled in.
 *
 * The first byte picks an address or a whole request.
 */
#include <strings.h>

#include "fuzz.h"

#include "mail_message.h"
#include "mail_request.h"

static void address(struct fuzz_input *input)
{
    char *text = fuzz_text(input);
    struct mail_address parsed;
    if (mail_address_parse(&parsed, "to", text, NULL) == 0) {
        const char *at = strchr(parsed.address, '@');
        FUZZ_CHECK(at && at > parsed.address && at[1] && !strchr(at + 1, '@'));
        FUZZ_CHECK(!strpbrk(parsed.address, " \t\r\n<>,;\"\\()"));
        FUZZ_CHECK(!strchr(parsed.address, ':') || strncasecmp(at + 1, "[IPv6:", 6) == 0);
        FUZZ_CHECK(!parsed.name || !strpbrk(parsed.name, "\r\n"));
        FUZZ_CHECK(mail_address_domain(&parsed) == at + 1);
        mail_address_fini(&parsed);
    }
    free(text);
}

/* How many lines of the header begin with a name. */
static size_t count_fields(const char *header, const char *name)
{
    size_t count = 0;
    while (*header && strncmp(header, "\r\n", 2) != 0) {
        count += strncasecmp(header, name, strlen(name)) == 0;
        header = strstr(header, "\r\n");
        FUZZ_CHECK(header);
        header += 2;
    }
    return count;
}

static void check_message(const struct bytes *message)
{
    const char *text = bytes_text(message);
    FUZZ_CHECK(strlen(text) == message->length);
    for (const char *at = text; *at; at++) {
        FUZZ_CHECK((unsigned char)*at < 0x80);
        FUZZ_CHECK(*at != '\n' || (at > text && at[-1] == '\r'));
        FUZZ_CHECK(*at != '\r' || at[1] == '\n');
    }
    static const char *const once[] = {
        "From:", "To:", "Subject:", "Date:", "Message-ID:", "MIME-Version:", "Content-Type:"};
    for (size_t i = 0; i < sizeof once / sizeof *once; i++)
        FUZZ_CHECK(count_fields(text, once[i]) == 1);
    FUZZ_CHECK(count_fields(text, "Bcc:") == 0 && count_fields(text, "Received:") == 0);
}

static void write_message(const struct mail_request *request)
{
    static char name[] = "Ferry", box[] = "ferry@example.org";
    static const struct mail_address from = {.name = name, .address = box};
    const struct mail_message message = {
        .from = &from,
        .to = request->recipients,
        .to_count = request->to_count,
        .cc = request->recipients + request->to_count,
        .cc_count = request->cc_count,
        .reply_to = request->reply_to.address ? &request->reply_to : NULL,
        .subject = request->subject,
        .text = request->text,
        .html = request->html,
        .attachments = request->attachments,
        .attachment_count = request->attachment_count,
        .fields = request->fields,
        .field_count = request->field_count,
        .message_id = "<id@example.org>",
        .date_ms = 1795255754000,
    };
    struct bytes out = {0};
    mail_message_write(&message, &out);
    FUZZ_CHECK(!out.failed);
    check_message(&out);
    bytes_fini(&out);
}

static void request(struct fuzz_input *input)
{
    struct mail_request request;
    size_t length = input->left;
    char *body = fuzz_take(input, length);
    if (mail_request_parse(&request, body, length, NULL, NULL) == 0) {
        FUZZ_CHECK(request.text || request.html);
        FUZZ_CHECK(mail_request_recipient_count(&request) > 0);
        write_message(&request);
    }
    mail_request_fini(&request);
    free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {.at = data, .left = size};
    if (fuzz_byte(&input) % 2)
        request(&input);
    else
        address(&input);
    return 0;
}
