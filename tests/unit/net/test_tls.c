/*
 * TLS: certificates made here, of a CA made here, in a folder of the test's own.
 */
#include "net/fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "libssl.h"

static char folder[] = "/tmp/ferry-tls-XXXXXX";

static const char *file(const char *name)
{
    static char paths[4][64];
    static unsigned turn;
    char *path = paths[turn++ % COUNT_OF(paths)];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* ---- certificates ---- */

static void add_extension(X509 *certificate, int id, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, id, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

/* Make a certificate with its key; a CA signs itself, others are signed by `ca`. */
static X509 *certificate_new(const char *name, const char *hosts, EVP_PKEY *key, X509 *ca,
                             EVP_PKEY *ca_key)
{
    static long serial;
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, ca ? X509_get_subject_name(ca) : subject);
    add_extension(certificate, NID_basic_constraints, ca ? "CA:FALSE" : "critical,CA:TRUE");
    if (hosts)
        add_extension(certificate, NID_subject_alt_name, hosts);
    X509_sign(certificate, ca_key ? ca_key : key, EVP_sha256());
    return certificate;
}

static void save(const char *name, X509 *certificate, EVP_PKEY *key)
{
    char path[80];
    snprintf(path, sizeof path, "%s/%s.pem", folder, name);
    FILE *out = fopen(path, "we");
    PEM_write_X509(out, certificate);
    fclose(out);
    snprintf(path, sizeof path, "%s/%s.key", folder, name);
    out = fopen(path, "we");
    PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
    fclose(out);
}

static int make_files(void **state)
{
    assert_null(libssl_load());
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    X509 *ca = certificate_new("ca", NULL, ca_key, NULL, NULL);
    save("ca", ca, ca_key);
    static const char *const names[][2] = {{"here", "DNS:localhost,IP:127.0.0.1"},
                                           {"elsewhere", "DNS:example.org"}};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        X509 *certificate = certificate_new(names[i][0], names[i][1], key, ca, ca_key);
        save(names[i][0], certificate, key);
        X509_free(certificate);
    }
    X509 *own = certificate_new("own", "DNS:localhost,IP:127.0.0.1", key, NULL, NULL);
    save("own", own, key);
    FILE *out = fopen(file("secret.key"), "we");
    PEM_write_PrivateKey(out, key, EVP_aes_128_cbc(), (const unsigned char *)"x", 1, NULL, NULL);
    fclose(out);
    X509_free(own);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    static const char *const names[] = {"ca.pem",   "ca.key",        "here.pem",
                                        "here.key", "elsewhere.pem", "elsewhere.key",
                                        "own.pem",  "own.key",       "secret.key"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unlink(file(names[i]));
    return rmdir(folder);
}

/* ---- contexts ---- */

static ferry_tls *server_of(const char *name, const char *ca)
{
    char certificate[16], key[16];
    snprintf(certificate, sizeof certificate, "%s.pem", name);
    snprintf(key, sizeof key, "%s.key", name);
    ferry_error error = {0};
    ferry_tls *tls = ferry_tls_new_server(
        &(ferry_tls_options){.certificate = file(certificate), .key = file(key), .ca = ca}, &error);
    if (!tls)
        fail_msg("%s", error.message);
    return tls;
}

/* A fixture whose listener speaks TLS. */
static void open_tls(struct fixture *f, const char *certificate, const char *ca,
                     const ferry_stream_listen_options *others)
{
    ferry_stream_listen_options options = {0};
    if (others)
        options = *others;
    options.tls = server_of(certificate, ca);
    fixture_open(f, &options);
    ferry_tls_free(options.tls); /* the listener keeps it */
}

static struct outcome connect_tls(struct fixture *f, ferry_tls *tls, const char *name)
{
    const ferry_stream_connect_options options = {.tls = tls, .tls_name = name};
    return await(f->loop, ferry_stream_connect(f->loop, fixture_address(f), &options));
}

static ferry_tls *trusting(const char *name)
{
    ferry_error error = {0};
    ferry_tls *tls = ferry_tls_new_client(&(ferry_tls_options){.ca = file(name)}, &error);
    if (!tls)
        fail_msg("%s", error.message);
    return tls;
}

static void a_file_that_cannot_be_used_is_named(void **state)
{
    (void)state;
    ferry_error error = {0};
    assert_null(ferry_tls_new_server(NULL, &error));
    assert_int_equal(error.code, FERRY_INVALID);
    const struct {
        ferry_tls_options options;
        const char *named;
    } cases[] = {
        {{.certificate = "/nonexistent.pem", .key = "/nonexistent.key"}, "/nonexistent.pem"},
        {{.certificate = file("here.pem")}, "key"},
        {{.certificate = file("here.pem"), .key = file("ca.key")}, "ca.key"},
        {{.certificate = file("here.pem"), .key = file("secret.key")}, "secret.key"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        error = (ferry_error){0};
        if (ferry_tls_new_server(&cases[i].options, &error))
            fail_msg("case %zu was taken", i);
        assert_int_equal(error.code, FERRY_INVALID);
        if (!strstr(error.message, cases[i].named))
            fail_msg("case %zu: %s", i, error.message);
    }
    assert_null(ferry_tls_new_client(&(ferry_tls_options){.ca = "/nonexistent.pem"}, &error));
    assert_non_null(strstr(error.message, "/nonexistent.pem"));
}

/* ---- talking ---- */

static char much[7 << 20]; /* more than the sockets hold */

static void expect_talk(struct fixture *f, ferry_stream *client)
{
    ferry_stream *server = f->streams[0];
    expect_code(f->loop, ferry_stream_write(client, "hello\nmore", 10), FERRY_OK);
    expect_text(f->loop, ferry_stream_read_until(server, "\n", 0), "hello\n");
    expect_text(f->loop, ferry_stream_read_bytes(server, 4), "more");
    memset(much, 'm', sizeof much - 1);
    ferry_future *write = ferry_stream_write(server, much, sizeof much - 1);
    run_turns(f->loop); /* the client has taken in what it may, and stopped reading */
    run_turns(f->loop);
    expect_text(f->loop, ferry_stream_read_bytes(client, sizeof much - 1), much);
    expect_code(f->loop, write, FERRY_OK);
}

static void bytes_go_both_ways(void **state)
{
    (void)state;
    struct fixture f;
    open_tls(&f, "here", NULL, NULL);
    ferry_tls *tls = trusting("ca.pem");
    struct outcome outcome = connect_tls(&f, tls, "localhost");
    ferry_tls_free(tls);
    if (outcome.error.code)
        fail_msg("%s", outcome.error.message);
    assert_true(run_until(f.loop, has_stream, &f));
    expect_talk(&f, outcome.result);
    ferry_stream_free(outcome.result);
    expect_code(f.loop, ferry_stream_read_some(f.streams[0], 0), FERRY_GONE);
    fixture_close(&f);
}

static void each_side_ends_by_itself(void **state)
{
    (void)state;
    struct fixture f;
    open_tls(&f, "here", NULL, NULL);
    ferry_tls *tls = trusting("ca.pem");
    ferry_stream *client = connect_tls(&f, tls, "localhost").result;
    ferry_tls_free(tls);
    assert_non_null(client);
    assert_true(run_until(f.loop, has_stream, &f));
    ferry_stream *server = f.streams[0];
    ferry_future_free(ferry_stream_write(client, "question", 8));
    assert_int_equal(ferry_stream_shutdown_write(client), 0);
    expect_text(f.loop, ferry_stream_read_until_close(server, 0), "question");
    assert_false(ferry_stream_is_closed(server));
    expect_code(f.loop, ferry_stream_write(server, "answer", 6), FERRY_OK);
    assert_int_equal(ferry_stream_shutdown_write(server), 0);
    expect_text(f.loop, ferry_stream_read_until_close(client, 0), "answer");
    assert_true(ferry_stream_is_closed(client));
    assert_true(ferry_stream_is_closed(server));
    ferry_stream_free(client);
    fixture_close(&f);
}

/* libevent stops both ways when one has ended. */
static void the_end_of_one_side_does_not_stop_the_other(void **state)
{
    (void)state;
    struct fixture f;
    open_tls(&f, "here", NULL, NULL);
    ferry_tls *tls = trusting("ca.pem");
    ferry_stream *client = connect_tls(&f, tls, "localhost").result;
    ferry_tls_free(tls);
    assert_non_null(client);
    assert_true(run_until(f.loop, has_stream, &f));
    memset(much, 'm', sizeof much - 1);
    ferry_future *write = ferry_stream_write(f.streams[0], much, sizeof much - 1);
    run_turns(f.loop);
    run_turns(f.loop);
    assert_false(ferry_future_is_done(write)); /* the client does not read */
    assert_int_equal(ferry_stream_shutdown_write(client), 0);
    expect_code(f.loop, ferry_stream_read_some(f.streams[0], 0), FERRY_GONE);
    expect_text(f.loop, ferry_stream_read_bytes(client, sizeof much - 1), much);
    expect_code(f.loop, write, FERRY_OK);
    ferry_stream_free(client);
    fixture_close(&f);
}

/* A record that is larger than what is read ahead must not be left inside of OpenSSL. */
static void what_is_decrypted_is_not_left_behind(void **state)
{
    (void)state;
    struct fixture f;
    open_tls(&f, "here", NULL, NULL);
    ferry_tls *tls = trusting("ca.pem");
    ferry_stream *client = connect_tls(&f, tls, "127.0.0.1").result;
    ferry_tls_free(tls);
    assert_non_null(client);
    assert_true(run_until(f.loop, has_stream, &f));
    enum { LENGTH = 1 << 20, PART = 1000 };
    ferry_future_free(ferry_stream_write(client, much, LENGTH));
    run_turns(f.loop);
    for (size_t got = 0; got < LENGTH;) {
        struct outcome outcome = await(f.loop, ferry_stream_read_some(f.streams[0], PART));
        ferry_bytes *bytes = outcome.result;
        assert_non_null(bytes);
        got += bytes->length;
        ferry_bytes_free(bytes);
    }
    ferry_stream_free(client);
    fixture_close(&f);
}

/* ---- trust ---- */

static void expect_refused(const char *certificate, const char *ca, const char *name)
{
    struct fixture f;
    open_tls(&f, certificate, NULL, NULL);
    ferry_tls *tls = ca ? trusting(ca) : ferry_tls_new_client(NULL, NULL);
    struct outcome outcome = connect_tls(&f, tls, name);
    if (outcome.error.code != FERRY_UNAUTHORIZED)
        fail_msg("%s: %s", ferry_code_name(outcome.error.code), outcome.error.message);
    assert_non_null(strstr(outcome.error.message, "certificate"));
    run_turns(f.loop);
    assert_int_equal(f.count, 0);
    assert_int_equal(ferry_stream_listener_connections(f.listener), 0);
    ferry_tls_free(tls);
    fixture_close(&f);
}

static void an_untrusted_certificate_is_refused(void **state)
{
    (void)state;
    expect_refused("own", "ca.pem", "localhost");
    expect_refused("here", NULL, "localhost"); /* the system knows nothing of this CA */
}

static void the_certificate_of_another_host_is_refused(void **state)
{
    (void)state;
    expect_refused("elsewhere", "ca.pem", "localhost");
    expect_refused("elsewhere", "ca.pem", NULL); /* the address it was asked for */
    expect_refused("here", "ca.pem", "127.0.0.2");
    expect_refused("here", "ca.pem", "localhost.example.org");
}

static void verifying_can_be_switched_off(void **state)
{
    (void)state;
    struct fixture f;
    open_tls(&f, "elsewhere", NULL, NULL);
    ferry_tls *tls = ferry_tls_new_client(&(ferry_tls_options){.skip_verify = true}, NULL);
    struct outcome outcome = connect_tls(&f, tls, NULL);
    assert_int_equal(outcome.error.code, FERRY_OK);
    ferry_stream_free(outcome.result);
    ferry_tls_free(tls);
    fixture_close(&f);
}

static void a_server_may_ask_for_certificates(void **state)
{
    (void)state;
    struct fixture f;
    open_tls(&f, "here", file("ca.pem"), NULL);
    ferry_tls *nobody = trusting("ca.pem");
    ferry_tls *somebody = ferry_tls_new_client(&(ferry_tls_options){.certificate = file("here.pem"),
                                                                    .key = file("here.key"),
                                                                    .ca = file("ca.pem")},
                                               NULL);
    struct outcome outcome = connect_tls(&f, nobody, NULL);
    if (outcome.result) /* TLS 1.3: the client has finished before the server looks */
        expect_code(f.loop, ferry_stream_read_some(outcome.result, 0), FERRY_TRANSIENT);
    ferry_stream_free(outcome.result);
    assert_int_equal(f.count, 0);
    outcome = connect_tls(&f, somebody, NULL);
    assert_true(run_until(f.loop, has_stream, &f));
    expect_talk(&f, outcome.result);
    ferry_stream_free(outcome.result);
    ferry_tls_free(nobody);
    ferry_tls_free(somebody);
    fixture_close(&f);
}

/* ---- peers that do not speak it ---- */

static void plain_text_gets_nowhere(void **state)
{
    (void)state;
    struct fixture f;
    open_tls(&f, "here", NULL, NULL);
    int fd = peer_open(fixture_address(&f));
    peer_send(fd, "GET / HTTP/1.1\r\n\r\n");
    expect_end(f.loop, fd);
    assert_int_equal(f.count, 0);
    assert_int_equal(ferry_stream_listener_connections(f.listener), 0);
    close(fd);
    fixture_close(&f);
}

static void a_plain_server_is_not_taken_for_another(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    ferry_tls *tls = trusting("ca.pem");
    struct outcome outcome = {0};
    const ferry_stream_connect_options options = {.tls = tls};
    ferry_future_then(ferry_stream_connect(f.loop, fixture_address(&f), &options), on_outcome,
                      &outcome);
    assert_true(run_until(f.loop, has_stream, &f));
    expect_code(f.loop, ferry_stream_write(f.streams[0], "220 hello\r\n", 11), FERRY_OK);
    expect_done(f.loop, &outcome);
    assert_int_equal(outcome.error.code, FERRY_TRANSIENT);
    ferry_tls_free(tls);
    fixture_close(&f);
}

static void a_handshake_has_a_deadline(void **state)
{
    (void)state;
    struct fixture f;
    open_tls(&f, "here", NULL, &(ferry_stream_listen_options){.handshake_timeout_ms = 20});
    int fd = peer_open(fixture_address(&f));
    expect_end(f.loop, fd);
    assert_int_equal(ferry_stream_listener_connections(f.listener), 0);
    close(fd);
    fixture_close(&f);
    fixture_open(&f, NULL); /* and a client's: a server that says nothing */
    ferry_tls *tls = trusting("ca.pem");
    const ferry_stream_connect_options options = {.tls = tls, .timeout_ms = 20};
    expect_code(f.loop, ferry_stream_connect(f.loop, fixture_address(&f), &options),
                FERRY_DEADLINE);
    ferry_tls_free(tls);
    fixture_close(&f);
}

static bool has_connection(void *arg)
{
    return ferry_stream_listener_connections(((struct fixture *)arg)->listener) > 0;
}

static void a_listener_may_go_during_a_handshake(void **state)
{
    (void)state;
    struct fixture f;
    open_tls(&f, "here", NULL, NULL);
    int fds[2];
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        fds[i] = peer_open(fixture_address(&f));
    assert_true(run_until(f.loop, has_connection, &f));
    ferry_stream_listener_free(f.listener);
    f.listener = NULL;
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        expect_end(f.loop, fds[i]);
        close(fds[i]);
    }
    fixture_close(&f);
}

static void the_context_of_the_other_side_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    ferry_error error = {0};
    ferry_tls *tls = trusting("ca.pem");
    const ferry_stream_listen_options listening = {.tls = tls};
    open_tls(&f, "here", NULL, NULL);
    assert_null(ferry_stream_listen(f.loop, "127.0.0.1:0", &listening, keep_stream, &f, &error));
    assert_int_equal(error.code, FERRY_INVALID);
    ferry_tls_free(tls);
    tls = server_of("here", NULL);
    struct outcome outcome = connect_tls(&f, tls, NULL);
    assert_int_equal(outcome.error.code, FERRY_INVALID);
    ferry_tls_free(tls);
    fixture_close(&f);
}

/* ---- without memory ---- */

static SSL *no_ssl(SSL_CTX *context)
{
    (void)context;
    return NULL;
}

static void without_tls_there_is_no_plain_text(void **state)
{
    (void)state;
    struct fixture f;
    open_tls(&f, "here", NULL, NULL);
    const struct libssl real = libssl;
    libssl.SSL_new_ = no_ssl;
    int fd = peer_open(fixture_address(&f));
    struct drain drain = {.fd = fd, .wanted = SIZE_MAX};
    assert_true(run_until(f.loop, drain_some, &drain));
    assert_true(drain.has_ended);
    assert_int_equal(drain.received, 0);
    assert_int_equal(f.count, 0);
    assert_int_equal(ferry_stream_listener_connections(f.listener), 0);
    ferry_tls *tls = trusting("ca.pem");
    struct outcome outcome = connect_tls(&f, tls, NULL);
    libssl = real;
    assert_int_equal(outcome.error.code, FERRY_INTERNAL);
    assert_null(outcome.result);
    ferry_tls_free(tls);
    close(fd);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_cannot_be_used_is_named),
        cmocka_unit_test(bytes_go_both_ways),
        cmocka_unit_test(each_side_ends_by_itself),
        cmocka_unit_test(the_end_of_one_side_does_not_stop_the_other),
        cmocka_unit_test(what_is_decrypted_is_not_left_behind),
        cmocka_unit_test(an_untrusted_certificate_is_refused),
        cmocka_unit_test(the_certificate_of_another_host_is_refused),
        cmocka_unit_test(verifying_can_be_switched_off),
        cmocka_unit_test(a_server_may_ask_for_certificates),
        cmocka_unit_test(plain_text_gets_nowhere),
        cmocka_unit_test(a_plain_server_is_not_taken_for_another),
        cmocka_unit_test(a_handshake_has_a_deadline),
        cmocka_unit_test(a_listener_may_go_during_a_handshake),
        cmocka_unit_test(the_context_of_the_other_side_is_refused),
        cmocka_unit_test(without_tls_there_is_no_plain_text),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
