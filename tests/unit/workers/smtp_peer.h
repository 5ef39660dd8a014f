/*
 * A real SMTP server (tests/integration/smtp_server.py) for a test, a folder for what it takes, and
 * the email worker that sends to it.
 *
 *     server_start(place, "0", NULL);
 *     struct worker_run run = open_mailer(place, NULL);
 *     assert_sent(send_to(&run, "a@b.c", NULL));
 */
#ifndef TEST_SMTP_PEER_H
#define TEST_SMTP_PEER_H

#include "worker_run.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
extern const ferry_worker ferry_worker_email;

/* ---- the SMTP server ---- */

struct server {
    pid_t id;
    int stdin_fd; /* closing it ends the server */
    char port[16];
};

struct place {
    char folder[32], received[64], password[64], certificate[64], key[64];
    struct server server;
    char url[48];
};

static inline void read_line(int fd, char *line, size_t size)
{
    size_t length = 0;
    char c = '\0';
    while (length + 1 < size && read(fd, &c, 1) == 1 && c != '\n')
        line[length++] = c;
    line[length] = '\0';
    assert_int_equal(c, '\n');
}

static inline pid_t spawn(char *const *arguments, int in, int out)
{
    pid_t id;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (in >= 0)
        posix_spawn_file_actions_adddup2(&actions, in, 0);
    if (out >= 0)
        posix_spawn_file_actions_adddup2(&actions, out, 1);
    assert_int_equal(posix_spawn(&id, arguments[0], &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return id;
}

/* Start it on a port, "0" for any; `options` are more arguments, NULL-terminated. */
static inline void server_start(struct place *place, const char *port, const char *const *options)
{
    const char *arguments[20] = {SMTP_SERVER,     "--until-eof", "--output",
                                 place->received, "--port",      port};
    for (size_t i = 6; options && *options; i++)
        arguments[i] = *options++;
    int in[2], out[2];
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    place->server.id = spawn((char *const *)arguments, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    read_line(out[0], place->server.port, sizeof place->server.port);
    close(out[0]);
    place->server.stdin_fd = in[1];
    snprintf(place->url, sizeof place->url, "smtp://127.0.0.1:%s", place->server.port);
}

static inline void server_stop(struct place *place)
{
    if (place->server.id == 0)
        return;
    close(place->server.stdin_fd);
    assert_int_equal(waitpid(place->server.id, NULL, 0), place->server.id);
    place->server.id = 0;
}

static inline int place_setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    snprintf(place->folder, sizeof place->folder, "/tmp/ferry-relay-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->received, sizeof place->received, "%s/received", place->folder);
    snprintf(place->password, sizeof place->password, "%s/password", place->folder);
    snprintf(place->certificate, sizeof place->certificate, "%s/cert.pem", place->folder);
    snprintf(place->key, sizeof place->key, "%s/key.pem", place->folder);
    *state = place;
    return 0;
}

static inline int place_teardown(void **state)
{
    struct place *place = *state;
    server_stop(place);
    unlink(place->received);
    unlink(place->password);
    unlink(place->certificate);
    unlink(place->key);
    int rc = rmdir(place->folder);
    free(place);
    return rc;
}

/* Return the messages that arrived so far, as a list of JSON objects. */
static inline json_t *received(const struct place *place)
{
    json_t *list = json_array(), *message;
    FILE *file = fopen(place->received, "r");
    while (file && (message = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL)))
        json_array_append_new(list, message);
    if (file)
        fclose(file);
    return list;
}

static inline const char *field(json_t *list, size_t index, const char *name)
{
    const char *text = json_string_value(json_object_get(json_array_get(list, index), name));
    assert_non_null(text);
    return text;
}

/* ---- the worker ---- */

static inline struct worker_run open_mailer(const struct place *place,
                                            const struct worker_setting *more)
{
    struct worker_setting settings[8] = {
        {.key = "relay", .values = {place->url}},
        {.key = "from", .values = {"ferry <ferry@example.org>"}},
    };
    for (size_t i = 2; more && more->key; i++)
        settings[i] = *more++;
    return worker_run_open(&ferry_worker_email, settings);
}

static inline struct worker_answer send_to(struct worker_run *run, const char *to, const char *id)
{
    char body[256];
    snprintf(body, sizeof body, "{\"to\": \"%s\", \"subject\": \"s\", \"text\": \".t\"}", to);
    return worker_run_call(run, &(struct worker_question){.body = body, .delivery_id = id});
}

static inline void assert_sent(struct worker_answer answer)
{
    if (answer.code)
        fail_msg("failed: %s: %s", ferry_code_name(answer.code), answer.message);
    assert_int_equal(answer.status, 200);
    worker_answer_fini(&answer);
}

/* ---- who we are ---- */

static inline void place_write(const char *path, const char *line)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fprintf(file, "%s\n", line) > 0);
    assert_int_equal(fclose(file), 0);
}

static inline void make_certificate(struct place *place)
{
    /* Through a shell, for openssl writes its progress to standard error. */
    const char *const arguments[] = {
        "/bin/sh",
        "-c",
        "exec openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        "-subj '/CN=relay under test' -addext subjectAltName=IP:127.0.0.1 "
        "-keyout \"$0\" -out \"$1\" 2>/dev/null",
        place->key,
        place->certificate,
        NULL};
    int status = -1;
    assert_int_equal(waitpid(spawn((char *const *)arguments, -1, -1), &status, 0) > 0, 1);
    assert_int_equal(status, 0);
}

#define RELAY_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

#endif
