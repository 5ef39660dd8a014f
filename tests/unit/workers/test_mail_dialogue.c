/* The SMTP dialogue: which reply is the answer to what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mail_dialogue.h"

/* Play lines: "> " begins a command, anything else is the relay's. */
static struct mail_dialogue play(const char *const *lines)
{
    struct mail_dialogue dialogue = {0};
    for (; *lines; lines++) {
        if (strncmp(*lines, "> ", 2) == 0)
            mail_dialogue_command(&dialogue, *lines + 2, strlen(*lines) - 2);
        else
            mail_dialogue_line(&dialogue, *lines, strlen(*lines));
    }
    return dialogue;
}

#define PLAY(...) play((const char *const[]){__VA_ARGS__, NULL})
#define HELLO     "220 hi\r\n", "> EHLO me\r\n", "250-a\r\n", "250 SIZE 10\r\n"

static void assert_reply(const struct mail_reply *reply, int code, const char *text)
{
    assert_int_equal(reply->code, code);
    assert_string_equal(reply->text, text);
}

static void test_each_recipient_gets_its_own_reply(void **state)
{
    (void)state;
    struct mail_dialogue dialogue =
        PLAY(HELLO, "> MAIL FROM:<a@b>\r\n", "250 ok\r\n", "> RCPT TO:<b@c>\r\n",
             "550-5.1.1 no\r\n", "550 such user\r\n", "> RCPT TO:<c@c>\r\n", "250 yes\r\n",
             "> RCPT TO:<d@c>\r\n", "450 later\r\n", "> DATA\r\n", "354 go\r\n");
    assert_int_equal(dialogue.asked, 3);
    assert_reply(&dialogue.recipients[0], 550, "5.1.1 no such user");
    assert_reply(&dialogue.recipients[1], 250, "yes");
    assert_reply(&dialogue.recipients[2], 450, "later");
    assert_int_equal(dialogue.stage, MAIL_STAGE_CONTENT);
    assert_int_equal(dialogue.last.code, 0); /* nothing was said of the message yet */
    mail_dialogue_line(&dialogue, "250 queued as 7\r\n", 17);
    assert_reply(&dialogue.last, 250, "queued as 7");
}

static void test_the_stage_is_what_was_said_last(void **state)
{
    (void)state;
    struct mail_dialogue dialogue = PLAY("554 go away\r\n");
    assert_int_equal(dialogue.stage, MAIL_STAGE_HELLO);
    assert_reply(&dialogue.last, 554, "go away");
    dialogue = PLAY(HELLO, "> AUTH PLAIN\r\n", "334 \r\n", "> MAIL FROM:\r\n", "535 no\r\n");
    assert_reply(&dialogue.last, 535, "no");
    dialogue = PLAY(HELLO, "> MAIL FROM:<a@b>\r\n");
    assert_int_equal(dialogue.stage, MAIL_STAGE_SENDER);
    assert_int_equal(dialogue.last.code, 0);
    dialogue = PLAY(HELLO, "> MAIL FROM:<a@b>\r\n", "250 ok\r\n", "> RCPT TO:<b@c>\r\n",
                    "250 ok\r\n", "> DATA\r\n", "451 later\r\n");
    assert_int_equal(dialogue.stage, MAIL_STAGE_DATA);
    assert_reply(&dialogue.last, 451, "later");
    dialogue = PLAY(HELLO, "> DATA\r\n"); /* in a place where it means nothing */
    assert_int_equal(dialogue.stage, MAIL_STAGE_HELLO);
}

static void test_the_farewell_hides_nothing(void **state)
{
    (void)state;
    struct mail_dialogue dialogue =
        PLAY(HELLO, "> MAIL FROM:<a@b>\r\n", "550 no\r\n", "> QUIT\r\n", "221 bye\r\n");
    assert_int_equal(dialogue.stage, MAIL_STAGE_SENDER);
    assert_reply(&dialogue.last, 550, "no");
}

static void test_a_reply_may_hold_anything(void **state)
{
    (void)state;
    char line[2000] = "550 ";
    struct mail_dialogue dialogue = PLAY("550 a\x01\xFF\tb \r\n");
    assert_reply(&dialogue.last, 550, "a???b");
    dialogue = PLAY("", "5", "55x no\r\n", "hello\r\n", "\r\n");
    assert_int_equal(dialogue.last.code, 0);
    dialogue = PLAY("550");
    assert_reply(&dialogue.last, 550, "");
    memset(line + 4, 'x', sizeof line - 5);
    dialogue = (struct mail_dialogue){0};
    for (int i = 0; i < 3; i++)
        mail_dialogue_line(&dialogue, line, sizeof line - 1);
    assert_int_equal(strlen(dialogue.last.text), MAIL_REPLY_MAX_CHARS - 1);
}

static void test_more_recipients_than_there_are_do_no_harm(void **state)
{
    (void)state;
    struct mail_dialogue dialogue = {0};
    for (int i = 0; i < MAIL_RECIPIENTS_MAX + 2; i++) {
        mail_dialogue_command(&dialogue, "RCPT TO:<a@b>\r\n", 15);
        mail_dialogue_line(&dialogue, "250 ok\r\n", 8);
    }
    assert_int_equal(dialogue.recipients[MAIL_RECIPIENTS_MAX - 1].code, 250);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_recipient_gets_its_own_reply),
        cmocka_unit_test(test_the_stage_is_what_was_said_last),
        cmocka_unit_test(test_the_farewell_hides_nothing),
        cmocka_unit_test(test_a_reply_may_hold_anything),
        cmocka_unit_test(test_more_recipients_than_there_are_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
