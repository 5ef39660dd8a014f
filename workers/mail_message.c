/*
 * Writing a message: header fields, then one part, or a multipart of several.
 *
 * Texts are quoted-printable, whose output holds "=" only before two hexadecimal digits or a line
 * end; attachments are base64, where "=" ends a line or comes before one. So a boundary with "=_"
 * in it can never occur in a part, and need not be random: the same call makes the same message.
 *
 * The line end before a boundary belongs to the boundary: each part arrives exactly as given. Any
 * thread; nothing is shared.
 */
#include "mail_message.h"

#include <string.h>
#include <time.h>

#include "mail_header.h"

/* ---- quoted-printable ---- */

enum { LINE_MAX_CHARS = 76 };

/* Length of the line end at `s`: "\r\n" or "\n"; 0 if it is none. */
static size_t line_end(const char *s)
{
    if (s[0] == '\r' && s[1] == '\n')
        return 2;
    return s[0] == '\n' ? 1 : 0;
}

/* Tell whether the byte at `s` must be encoded. A blank before a line end would be lost, a dot or
 * "From " at the start of a line is changed by some relays. */
static bool must_encode(const char *s, size_t column)
{
    unsigned char c = (unsigned char)*s;
    if (c == ' ' || c == '\t')
        return !s[1] || line_end(s + 1) > 0;
    if (column == 0 && (c == '.' || strncmp(s, "From ", 5) == 0))
        return true;
    return c == '=' || c <= ' ' || c > '~';
}

void mail_quoted_printable(struct bytes *out, const char *text)
{
    size_t column = 0;
    while (*text) {
        size_t end = line_end(text);
        if (end > 0) {
            bytes_append_text(out, "\r\n");
            text += end;
            column = 0;
            continue;
        }
        /* The last character of a line needs no room for the "=" of a soft line end. */
        bool last = !text[1] || line_end(text + 1) > 0;
        size_t room = LINE_MAX_CHARS - (last ? 0 : 1);
        if (column + (must_encode(text, column) ? 3 : 1) > room) {
            bytes_append_text(out, "=\r\n");
            column = 0;
        }
        if (must_encode(text, column)) { /* the column may have changed it */
            bytes_printf(out, "=%02X", (unsigned char)*text);
            column += 3;
        } else {
            bytes_append_char(out, *text);
            column++;
        }
        text++;
    }
}

/* ---- the message ---- */

/* "Sat, 21 Nov 2026 10:09:14 +0000"; not by strftime, whose names follow the locale. */
static void write_date(struct bytes *out, int64_t date_ms)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(date_ms / 1000);
    struct tm utc = {0};
    gmtime_r(&seconds, &utc);
    bytes_printf(out, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n", days[utc.tm_wday],
                 utc.tm_mday, months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                 utc.tm_sec);
}

/* A part: what it is, an empty line, and its text. */
static void write_part(struct bytes *out, const char *type, const char *text)
{
    bytes_printf(out,
                 "Content-Type: %s; charset=utf-8\r\n"
                 "Content-Transfer-Encoding: quoted-printable\r\n"
                 "\r\n",
                 type);
    mail_quoted_printable(out, text);
}

/* ---- multiparts; their kind is "mixed", "alternative" or "related" ---- */

/* `parameter` is one more of the content type, or "". */
static void multipart_open(struct bytes *out, const char *kind, const char *parameter)
{
    bytes_printf(out,
                 "Content-Type: multipart/%s;%s\r\n"
                 " boundary=\"=_ferry_%s\"\r\n"
                 "\r\n"
                 "--=_ferry_%s\r\n",
                 kind, parameter, kind, kind);
}

static void multipart_next(struct bytes *out, const char *kind)
{
    bytes_printf(out, "\r\n--=_ferry_%s\r\n", kind);
}

static void multipart_close(struct bytes *out, const char *kind)
{
    bytes_printf(out, "\r\n--=_ferry_%s--\r\n", kind);
}

static size_t count_inline(const struct mail_message *message)
{
    size_t count = 0;
    for (size_t i = 0; i < message->attachment_count; i++)
        count += message->attachments[i].content_id != NULL;
    return count;
}

/* Append those attachments that are inline, or those that are not, each behind a boundary. */
static void write_attachments(struct bytes *out, const struct mail_message *message, bool is_inline,
                              const char *kind)
{
    for (size_t i = 0; i < message->attachment_count; i++) {
        if ((message->attachments[i].content_id != NULL) != is_inline)
            continue;
        multipart_next(out, kind);
        mail_attachment_write(&message->attachments[i], out);
    }
}

/* The html, with the images that it shows. */
static void write_html(struct bytes *out, const struct mail_message *message)
{
    bool has_images = count_inline(message) > 0;
    if (has_images)
        multipart_open(out, "related", " type=\"text/html\";");
    write_part(out, "text/html", message->html);
    if (has_images) {
        write_attachments(out, message, true, "related");
        multipart_close(out, "related");
    }
}

static void write_words(struct bytes *out, const struct mail_message *message)
{
    bool has_both = message->text && message->html;
    if (has_both)
        multipart_open(out, "alternative", "");
    if (message->text)
        write_part(out, "text/plain", message->text);
    if (has_both)
        multipart_next(out, "alternative");
    if (message->html) /* the best one last */
        write_html(out, message);
    if (has_both)
        multipart_close(out, "alternative");
}

static void write_body(struct bytes *out, const struct mail_message *message)
{
    bool is_mixed = message->attachment_count > count_inline(message);
    if (is_mixed)
        multipart_open(out, "mixed", "");
    write_words(out, message);
    if (is_mixed) {
        write_attachments(out, message, false, "mixed");
        multipart_close(out, "mixed");
    }
    if (out->length > 0 && out->data[out->length - 1] != '\n')
        bytes_append_text(out, "\r\n"); /* the last line must end */
}

/* ---- the whole ---- */

void mail_message_write(const struct mail_message *message, struct bytes *out)
{
    write_date(out, message->date_ms);
    mail_header_addresses(out, "From", message->from, 1);
    mail_header_addresses(out, "To", message->to, message->to_count);
    if (message->cc_count > 0)
        mail_header_addresses(out, "Cc", message->cc, message->cc_count);
    if (message->reply_to)
        mail_header_addresses(out, "Reply-To", message->reply_to, 1);
    mail_header_text(out, "Subject", message->subject);
    bytes_printf(out, "Message-ID: %s\r\n", message->message_id);
    for (size_t i = 0; i < message->field_count; i++)
        mail_header_value(out, message->fields[i].name, message->fields[i].value);
    bytes_append_text(out, "MIME-Version: 1.0\r\n");
    write_body(out, message);
}
