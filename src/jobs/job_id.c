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

/* One more than what a digit stands for; 0: it is none. */
static const unsigned char values[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

bool job_id_parse(const char *text, unsigned char bits[RANDOM_ID_BYTES])
{
    if (strnlen(text, RANDOM_ID_TEXT_SIZE) != RANDOM_ID_TEXT_SIZE - 1)
        return false;
    for (size_t i = 0; i < RANDOM_ID_BYTES; i++) {
        int high = values[(unsigned char)text[2 * i]] - 1;
        int low = values[(unsigned char)text[2 * i + 1]] - 1;
        if (high < 0 || low < 0)
            return false;
        bits[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

void job_id_format(const unsigned char bits[RANDOM_ID_BYTES], char text[RANDOM_ID_TEXT_SIZE])
{
    *hex_write(text, bits, RANDOM_ID_BYTES) = '\0';
}
