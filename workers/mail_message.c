/*
 * Writing a message: header fields, then one part, or text and html as alternatives.
 *
 * Both parts are quoted-printable. Its output holds "=" only before two hexadecimal digits or a
 * line end, so a boundary with "=_" in it can never occur in a part, and need not be random: the
 * same call makes the same message. Any thread; nothing is shared.
 */
#include "mail_message.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mail_header.h"

#define BOUNDARY "=_ferry_alternative"

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

/* One part is the whole body; its last line must end. */
static void write_single(struct bytes *out, const char *type, const char *text)
{
    write_part(out, type, text);
    if (out->length > 0 && out->data[out->length - 1] != '\n')
        bytes_append_text(out, "\r\n");
}

/* The line end before a boundary belongs to the boundary: each part arrives exactly as given. */
static void write_alternatives(struct bytes *out, const struct mail_message *message)
{
    bytes_append_text(out, "Content-Type: multipart/alternative;\r\n"
                           " boundary=\"" BOUNDARY "\"\r\n"
                           "\r\n"
                           "--" BOUNDARY "\r\n");
    write_part(out, "text/plain", message->text);
    bytes_append_text(out, "\r\n--" BOUNDARY "\r\n");
    write_part(out, "text/html", message->html); /* the best one last */
    bytes_append_text(out, "\r\n--" BOUNDARY "--\r\n");
}

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
    bytes_append_text(out, "MIME-Version: 1.0\r\n");
    if (message->text && message->html)
        write_alternatives(out, message);
    else if (message->html)
        write_single(out, "text/html", message->html);
    else
        write_single(out, "text/plain", message->text);
}
