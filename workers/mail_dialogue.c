/* Following a dialogue. One thread, the relay's. */
#include "mail_dialogue.h"

#include <ctype.h>
#include <string.h>

#include "ascii.h"

static void enter(struct mail_dialogue *dialogue, enum mail_stage stage)
{
    dialogue->stage = stage;
    dialogue->last = (struct mail_reply){0};
    dialogue->is_complete = false;
}

static bool starts(const char *command, size_t length, const char *verb)
{
    size_t n = strlen(verb);
    return length >= n && memcmp(command, verb, n) == 0;
}

void mail_dialogue_command(struct mail_dialogue *dialogue, const char *command, size_t length)
{
    if (starts(command, length, "MAIL FROM:")) {
        enter(dialogue, MAIL_STAGE_SENDER);
    } else if (starts(command, length, "RCPT TO:")) {
        enter(dialogue, MAIL_STAGE_RECIPIENTS);
        dialogue->asked++;
    } else if (dialogue->stage == MAIL_STAGE_RECIPIENTS && starts(command, length, "DATA")) {
        enter(dialogue, MAIL_STAGE_DATA);
    }
}

/* A reply may hold anything; what is told of it is readable ASCII. */
static void append_text(struct mail_reply *reply, const char *text, size_t length)
{
    size_t used = strlen(reply->text);
    if (used > 0 && used + 1 < sizeof reply->text)
        reply->text[used++] = ' ';
    for (size_t i = 0; i < length && used + 1 < sizeof reply->text; i++)
        reply->text[used++] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    reply->text[used] = '\0';
}

static int read_code(const char *line, size_t length)
{
    int code = 0;
    for (size_t i = 0; i < 3; i++) {
        if (i >= length || !isdigit((unsigned char)line[i]))
            return 0;
        code = code * 10 + (line[i] - '0');
    }
    return code;
}

void mail_dialogue_line(struct mail_dialogue *dialogue, const char *line, size_t length)
{
    int code = read_code(line, length);
    if (code < 200 || code == 221) /* 221 answers the QUIT, after what matters */
        return;
    if (dialogue->is_complete || dialogue->last.code != code)
        dialogue->last = (struct mail_reply){.code = code};
    dialogue->is_complete = length < 4 || line[3] != '-';
    while (length > 4 && ascii_is_space(line[length - 1]))
        length--;
    if (length > 4)
        append_text(&dialogue->last, line + 4, length - 4);
    if (!dialogue->is_complete)
        return;
    if (dialogue->stage == MAIL_STAGE_RECIPIENTS && dialogue->asked > 0 &&
        dialogue->asked <= MAIL_RECIPIENTS_MAX)
        dialogue->recipients[dialogue->asked - 1] = dialogue->last;
    if (dialogue->stage == MAIL_STAGE_DATA && code == 354)
        enter(dialogue, MAIL_STAGE_CONTENT);
}
