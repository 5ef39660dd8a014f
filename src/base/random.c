/*
 * Random bytes from getrandom(2). Any thread.
 *
 * An id costs less than the way into the kernel, so that a thread fetches a stock and hands it out,
 * each byte once. What is handed out is wiped: memory tells nothing of the ids that are in use.
 */
#include "random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bytes.h"

enum { STOCK_BYTES = 2048 };

static _Thread_local struct {
    unsigned char bytes[STOCK_BYTES];
    size_t left; /* the first so many are not handed out yet */
} stock;

static void fetch(void *data, size_t length)
{
    char *at = data;
    while (length > 0) {
        ssize_t n = getrandom(at, length, 0);
        if (n < 0 && errno != EINTR)
            abort(); /* no kernel that runs this lacks it; an id that can be guessed is worse */
        if (n > 0) {
            at += n;
            length -= (size_t)n;
        }
    }
}

void random_bytes(void *data, size_t length)
{
    if (length > STOCK_BYTES) {
        fetch(data, length);
        return;
    }
    if (length == 0)
        return;
    if (stock.left < length) {
        fetch(stock.bytes, STOCK_BYTES);
        stock.left = STOCK_BYTES;
    }
    stock.left -= length;
    memcpy(data, stock.bytes + stock.left, length);
    explicit_bzero(stock.bytes + stock.left, length);
}

char *random_id(char text[RANDOM_ID_TEXT_SIZE])
{
    unsigned char bits[RANDOM_ID_BYTES];
    random_bytes(bits, sizeof bits);
    *hex_write(text, bits, sizeof bits) = '\0';
    return text;
}

uint64_t random_below(uint64_t below)
{
    if (below == 0)
        return 0;
    uint64_t bits, unfair = UINT64_MAX - UINT64_MAX % below;
    do {
        random_bytes(&bits, sizeof bits);
    } while (bits >= unfair);
    return bits % below;
}
