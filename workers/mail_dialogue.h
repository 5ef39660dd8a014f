/*
 * Who said what in the SMTP dialogue of one message: the commands as they go out and the relay's
 * reply lines as they come, so that each recipient gets the reply to its own RCPT.
 */
#ifndef WORKERS_MAIL_DIALOGUE_H
#define WORKERS_MAIL_DIALOGUE_H

#include <stdbool.h>
#include <stddef.h>

#include "mail_delivery.h"

/* What the relay was told last. */
enum mail_stage {
    MAIL_STAGE_HELLO,      /* connecting, EHLO, STARTTLS, AUTH: nothing of the message */
    MAIL_STAGE_SENDER,     /* MAIL */
    MAIL_STAGE_RECIPIENTS, /* RCPT */
    MAIL_STAGE_DATA,       /* DATA */
    MAIL_STAGE_CONTENT,    /* the message */
};

struct mail_dialogue {
    enum mail_stage stage;
    struct mail_reply last; /* to what was said last; code 0: no answer yet */
    bool is_complete;       /* the last line of `last` was seen */
    struct mail_reply recipients[MAIL_RECIPIENTS_MAX];
    size_t asked; /* how many RCPTs went out */
};

/* Note a command: "RCPT TO:<a@b.c>\r\n". */
void mail_dialogue_command(struct mail_dialogue *dialogue, const char *command, size_t length);

/* Note a line of a reply: "250-SIZE 1000\r\n" or, the last one, "250 OK\r\n". */
void mail_dialogue_line(struct mail_dialogue *dialogue, const char *line, size_t length);

#endif
