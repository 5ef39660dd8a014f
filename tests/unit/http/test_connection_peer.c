/*
 * Who counts as one address. The peers are made up, as a machine has few addresses of its own;
 * their sockets are real.
 */
#include <arpa/inet.h>

#include "connection.h"
#include "http/fixture.h"

enum { SOCKETS = 8 };

struct peers {
    ferry_loop *loop;
    struct connections all;
    int fds[SOCKETS]; /* the clients' ends */
    size_t count;
};

static void peers_open(struct peers *peers, unsigned each)
{
    const struct connection_limits limits = {.connections = SOCKETS + 1,
                                             .connections_per_address = each,
                                             .header_bytes = 1024,
                                             .header_ms = 60000,
                                             .request_ms = 60000};
    const struct connection_hooks hooks = {0};
    *peers = (struct peers){.loop = ferry_loop_new()};
    assert_non_null(peers->loop);
    assert_true(connections_init(&peers->all, peers->loop, &limits, &hooks));
}

static void peers_close(struct peers *peers)
{
    connections_fini(&peers->all);
    ferry_loop_free(peers->loop);
    for (size_t i = 0; i < peers->count; i++)
        close(peers->fds[i]);
}

/* A connection from an address; returns whether it was one too many. */
static bool is_refused(struct peers *peers, const char *text)
{
    struct address address;
    char with_port[ADDRESS_TEXT_SIZE];
    int fds[2];
    snprintf(with_port, sizeof with_port, strchr(text, ':') ? "[%s]:1" : "%s:1", text);
    assert_int_equal(address_parse(&address, with_port, NULL), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    peers->fds[peers->count++] = fds[1];
    uint64_t before = peers->all.counts.over_address;
    connection_open(&peers->all, fds[0], &address.any, NULL);
    return peers->all.counts.over_address > before;
}

static void a_network_of_ipv6_is_one_address(void **state)
{
    (void)state;
    struct peers peers;
    peers_open(&peers, 2);
    assert_false(is_refused(&peers, "2001:db8:0:1::1"));
    assert_false(is_refused(&peers, "2001:db8:0:1:ffff:ffff:ffff:ffff"));
    assert_true(is_refused(&peers, "2001:db8:0:1:8000::"));
    assert_false(is_refused(&peers, "2001:db8:0:2::1")); /* the next network */
    assert_false(is_refused(&peers, "2001:db8:0:101::1"));
    peers_close(&peers);
}

/* They are kept as IPv6 has them: all in one network. */
static void addresses_of_ipv4_are_not_one(void **state)
{
    (void)state;
    struct peers peers;
    peers_open(&peers, 1);
    assert_false(is_refused(&peers, "192.0.2.1"));
    assert_false(is_refused(&peers, "192.0.2.2"));
    assert_true(is_refused(&peers, "192.0.2.1"));
    assert_true(is_refused(&peers, "::ffff:192.0.2.2")); /* on a listener of both kinds */
    peers_close(&peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_of_ipv6_is_one_address),
        cmocka_unit_test(addresses_of_ipv4_are_not_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
