/* Ids to bytes and back. No state; any thread. */
#include "job_id.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

char *job_id_make(char id[RANDOM_ID_TEXT_SIZE], int64_t now_ms)
{
    unsigned char bits[RANDOM_ID_BYTES];
    random_bytes(bits, sizeof bits);
    for (int i = 0; i < 4; i++)
        bits[i] = (unsigned char)(now_ms >> (24 - 8 * i));
    job_id_format(bits, id);
    return id;
}

/* Return what a digit stands for, -1 when it is none. */
static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool job_id_parse(const char *text, unsigned char bits[RANDOM_ID_BYTES])
{
    if (strnlen(text, RANDOM_ID_TEXT_SIZE) != RANDOM_ID_TEXT_SIZE - 1)
        return false;
    for (size_t i = 0; i < RANDOM_ID_BYTES; i++) {
        int high = digit_value(text[2 * i]), low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bits[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

void job_id_format(const unsigned char bits[RANDOM_ID_BYTES], char text[RANDOM_ID_TEXT_SIZE])
{
    for (size_t i = 0; i < RANDOM_ID_BYTES; i++) {
        text[2 * i] = digits[bits[i] >> 4];
        text[2 * i + 1] = digits[bits[i] & 15];
    }
    text[RANDOM_ID_TEXT_SIZE - 1] = '\0';
}
