/*
 * Client rates. No state but the table's.
 *
 * A place holds the time at which its client has its whole burst again, which is all that a token
 * bucket needs. A client has a set of WAYS places; which one is drawn by a hash that is seeded
 * anew in each process (universal, after Thorup), so that nobody can choose addresses that push a
 * certain one out. The whole address is compared: clients never count against each other.
 */
#include "client_rate.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"

enum { WAYS = 8, SETS = CLIENT_RATE_PLACES / WAYS, WORDS = 4 };

struct client {
    uint32_t words[WORDS];
};

struct place {
    struct client client;
    int64_t full_ns; /* when its burst is whole; 0: nobody was here yet */
};

struct client_rate {
    int64_t interval_ns; /* between requests, evenly */
    int64_t burst_ns;    /* how far ahead of that a burst may run */
    uint64_t seed[WORDS + 1];
    struct place places[CLIENT_RATE_PLACES];
};

struct client_rate *client_rate_new(unsigned count, int64_t per_ms, unsigned burst)
{
    struct client_rate *rate = calloc(1, sizeof *rate);
    if (!rate)
        return NULL;
    rate->interval_ns = per_ms * 1000000 / count;
    rate->burst_ns = rate->interval_ns * (burst - 1);
    random_bytes(rate->seed, sizeof rate->seed);
    return rate;
}

void client_rate_free(struct client_rate *rate)
{
    free(rate);
}

/* IPv4 as IPv6 has it; what is no address, as "unix", is one client. */
static struct client client_of(const char *peer)
{
    unsigned char address[16] = {[10] = 0xff, [11] = 0xff};
    struct client client = {{0}};
    if (inet_pton(AF_INET, peer, address + 12) != 1) {
        if (inet_pton(AF_INET6, peer, address) != 1)
            return client;
        memset(address + 8, 0, 8);
    }
    memcpy(client.words, address, sizeof client.words);
    return client;
}

static struct place *set_of(struct client_rate *rate, const struct client *client)
{
    uint64_t sum = rate->seed[WORDS];
    for (size_t i = 0; i < WORDS; i++)
        sum += rate->seed[i] * client->words[i];
    return &rate->places[(sum >> 32) % SETS * WAYS];
}

/* Find the client's place, or take one over for it. */
static struct place *place_of(struct client_rate *rate, const struct client *client)
{
    struct place *set = set_of(rate, client), *oldest = set;
    for (struct place *at = set; at < set + WAYS; at++) {
        if (at->full_ns && memcmp(&at->client, client, sizeof *client) == 0)
            return at;
        if (at->full_ns < oldest->full_ns)
            oldest = at;
    }
    oldest->client = *client;
    oldest->full_ns = 0;
    return oldest;
}

int64_t client_rate_take(struct client_rate *rate, const char *peer, int64_t now_us)
{
    const struct client client = client_of(peer);
    struct place *place = place_of(rate, &client);
    int64_t now_ns = now_us * 1000;
    int64_t from_ns = place->full_ns > now_ns ? place->full_ns : now_ns;
    int64_t early_ns = from_ns - now_ns - rate->burst_ns;
    if (early_ns > 0)
        return (early_ns + 999999) / 1000000;
    place->full_ns = from_ns + rate->interval_ns;
    return 0;
}
