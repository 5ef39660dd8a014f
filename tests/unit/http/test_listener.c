/*
 * Listening: addresses in use, socket files, and a process without descriptors.
 */
#include "http/fixture.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void hello(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_request_reply_text(request, 200, ferry_request_peer(request));
}

static void open_hello(struct fixture *f)
{
    fixture_open(f, NULL);
    fixture_route(f, "GET", "/hello", hello, NULL);
}

static const char request_text[] = "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

static void assert_served(struct fixture *f, const char *peer)
{
    char *reply = talk(f, request_text);
    assert_has(reply, "HTTP/1.1 200 OK\r\n");
    assert_string_equal(strstr(reply, "\r\n\r\n") + 4, peer);
    free(reply);
}

static int listen_on(struct fixture *f, const char *address)
{
    ferry_error error = {0};
    int rc = ferry_http_listen(f->server, address, NULL, 0, &error);
    assert_int_equal(rc, error.code);
    if (rc)
        assert_has(error.message, address);
    return rc;
}

static void an_address_in_use_is_a_conflict(void **state)
{
    (void)state;
    struct fixture f;
    open_hello(&f);
    assert_int_equal(listen_on(&f, f.address), FERRY_CONFLICT);
    assert_int_equal(listen_on(&f, "192.0.2.1:0"), FERRY_INVALID);
    assert_int_equal(listen_on(&f, "8002"), FERRY_INVALID);
    assert_served(&f, "127.0.0.1");
    fixture_close(&f);
}

static void an_address_can_be_used_again_at_once(void **state)
{
    (void)state;
    struct fixture f;
    open_hello(&f);
    char address[ADDRESS_TEXT_SIZE];
    strcpy(address, f.address);
    assert_served(&f, "127.0.0.1");
    fixture_close(&f);
    open_hello(&f);
    assert_int_equal(listen_on(&f, address), 0);
    fixture_close(&f);
}

static void every_address_takes_v4_too(void **state)
{
    (void)state;
    struct fixture f;
    open_hello(&f);
    fixture_listen(&f, ":0");
    char *port = strrchr(f.address, ':');
    char address[64];
    snprintf(address, sizeof address, "127.0.0.1%s", port);
    strcpy(f.address, address);
    assert_served(&f, "127.0.0.1");
    fixture_close(&f);
}

/* ---- socket files ---- */

static char folder[] = "/tmp/ferry-test-XXXXXX";
static char path[64], address[80];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/ferry.sock", folder);
    snprintf(address, sizeof address, "unix:%s", path);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static bool is_there(void)
{
    return access(path, F_OK) == 0;
}

static void a_socket_file_is_made_and_removed(void **state)
{
    (void)state;
    struct fixture f;
    open_hello(&f);
    fixture_listen(&f, address);
    assert_string_equal(f.address, address);
    assert_true(is_there());
    assert_served(&f, "unix");
    fixture_close(&f);
    assert_false(is_there());
}

static void a_live_socket_file_is_a_conflict(void **state)
{
    (void)state;
    struct fixture f, other;
    open_hello(&f);
    open_hello(&other);
    fixture_listen(&f, address);
    assert_int_equal(listen_on(&other, address), FERRY_CONFLICT);
    assert_true(is_there());
    fixture_close(&other);
    assert_served(&f, "unix");
    fixture_close(&f);
}

static void a_stale_socket_file_is_replaced(void **state)
{
    (void)state;
    struct address stale;
    assert_int_equal(address_parse(&stale, address, NULL), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, &stale.any, stale.length), 0);
    close(fd);
    assert_true(is_there());
    struct fixture f;
    open_hello(&f);
    fixture_listen(&f, address);
    assert_served(&f, "unix");
    fixture_close(&f);
}

static void a_file_of_another_kind_is_left_alone(void **state)
{
    (void)state;
    close(open(path, O_CREAT | O_WRONLY, 0600));
    struct fixture f;
    open_hello(&f);
    assert_int_equal(listen_on(&f, address), FERRY_CONFLICT);
    assert_true(is_there());
    unlink(path);
    fixture_close(&f);
}

/* A successor may have replaced it already. */
static void a_socket_file_of_another_is_not_removed(void **state)
{
    (void)state;
    struct fixture f, successor;
    open_hello(&f);
    fixture_listen(&f, address);
    unlink(path);
    open_hello(&successor);
    fixture_listen(&successor, address);
    fixture_close(&f);
    assert_true(is_there());
    assert_served(&successor, "unix");
    fixture_close(&successor);
}

/* ---- no descriptors ---- */

static unsigned refusals_logged;

static void count_refusals(void *arg, ferry_log_level level, const char *line, size_t length)
{
    (void)arg, (void)level;
    refusals_logged += memmem(line, length, "cannot be accepted", 18) != NULL;
}

static bool has_logged(struct fixture *f, void *arg)
{
    (void)f, (void)arg;
    return refusals_logged > 0;
}

static void without_descriptors_the_listener_rests(void **state)
{
    (void)state;
    struct fixture f;
    open_hello(&f);
    refusals_logged = 0;
    ferry_log_set_sink(count_refusals, NULL);
    int fd = client_connect(f.address);
    client_send(fd, request_text);
    struct rlimit limit, none;
    getrlimit(RLIMIT_NOFILE, &limit);
    none = limit;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    bool logged = fixture_wait(&f, has_logged, NULL);
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_true(logged);
    assert_int_equal(fixture_stats(&f).accepted, 0);
    assert_served(&f, "127.0.0.1");
    assert_int_equal(refusals_logged, 1);
    ferry_log_set_sink(NULL, NULL);
    char *reply = client_read_all(fd);
    assert_has(reply, "HTTP/1.1 200 OK\r\n");
    free(reply);
    close(fd);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_in_use_is_a_conflict),
        cmocka_unit_test(an_address_can_be_used_again_at_once),
        cmocka_unit_test(every_address_takes_v4_too),
        cmocka_unit_test(a_socket_file_is_made_and_removed),
        cmocka_unit_test(a_live_socket_file_is_a_conflict),
        cmocka_unit_test(a_stale_socket_file_is_replaced),
        cmocka_unit_test(a_file_of_another_kind_is_left_alone),
        cmocka_unit_test(a_socket_file_of_another_is_not_removed),
        cmocka_unit_test(without_descriptors_the_listener_rests),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
