/* Ids to bytes and back. No state; any thread. */
#include "job_id.h"

#include <string.h>

#include "bytes.h"

char *job_id_make(char id[RANDOM_ID_TEXT_SIZE], int64_t now_ms)
{
    unsigned char bits[RANDOM_ID_BYTES];
    random_bytes(bits, sizeof bits);
    for (int i = 0; i < 4; i++)
        bits[i] = (unsigned char)(now_ms >> (24 - 8 * i));
    job_id_format(bits, id);
    return id;
}

/* In loops that compilers make a few wide instructions of: each new job has two ids. */
bool job_id_parse(const char *text, unsigned char bits[RANDOM_ID_BYTES])
{
    unsigned char digits[2 * RANDOM_ID_BYTES], any = 0;
    if (strnlen(text, RANDOM_ID_TEXT_SIZE) != RANDOM_ID_TEXT_SIZE - 1)
        return false;
    for (size_t i = 0; i < sizeof digits; i++) {
        unsigned char number = (unsigned char)(text[i] - '0');
        unsigned char letter = (unsigned char)(text[i] - 'a');
        unsigned char of_letter = letter < 6 ? (unsigned char)(letter + 10) : 0xff; /* none */
        digits[i] = number < 10 ? number : of_letter;
    }
    for (size_t i = 0; i < sizeof digits; i++)
        any |= digits[i];
    for (size_t i = 0; i < RANDOM_ID_BYTES; i++)
        bits[i] = (unsigned char)(digits[2 * i] << 4 | digits[2 * i + 1]);
    return any < 16;
}

void job_id_format(const unsigned char bits[RANDOM_ID_BYTES], char text[RANDOM_ID_TEXT_SIZE])
{
    *hex_write(text, bits, RANDOM_ID_BYTES) = '\0';
}
