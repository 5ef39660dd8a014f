/* Ids to bytes and back. No state; any thread. */
#include "job_id.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

bool job_id_parse(const char *text, unsigned char bits[RANDOM_ID_BYTES])
{
    if (strnlen(text, RANDOM_ID_TEXT_SIZE) != RANDOM_ID_TEXT_SIZE - 1)
        return false;
    for (size_t i = 0; i < RANDOM_ID_BYTES; i++) {
        const char *high = strchr(digits, text[2 * i]);
        const char *low = strchr(digits, text[2 * i + 1]);
        if (!high || !low)
            return false;
        bits[i] = (unsigned char)((high - digits) << 4 | (low - digits));
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
