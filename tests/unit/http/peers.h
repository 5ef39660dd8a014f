/*
 * Real peers for the HTTP client: nginx and microsocks, each a child process of the test on free
 * ports of 127.0.0.1, with their files in a folder that ends with the test.
 *
 * nginx gets its listening sockets from us, as from an older nginx that it replaces: no port is
 * guessed, and it can be asked at once.
 */
#ifndef PEERS_H
#define PEERS_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "client_fixture.h"

/* Run a program, which dies with the test. The descriptors from `keep` on, up to -1, are its too.
 */
static inline pid_t peer_start(const char *const argv[], const char *variable, const char *value,
                               const int *keep)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    for (; keep && *keep >= 0; keep++)
        fcntl(*keep, F_SETFD, 0);
    if (variable)
        setenv(variable, value, 1);
    execvp(argv[0], (char *const *)argv);
    _exit(127);
}

static inline int peer_wait(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static inline void peer_stop(pid_t pid)
{
    kill(pid, SIGTERM);
    peer_wait(pid);
}

static inline void run_shell(const char *script, const char *folder)
{
    const char *const argv[] = {"/bin/sh", "-euc", script, "sh", folder, NULL};
    int status = peer_wait(peer_start(argv, NULL, NULL, NULL));
    if (status != 0)
        fail_msg("the shell ended with %d: %s", status, script);
}

static inline void write_file(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* ---- nginx ---- */

struct nginx {
    char folder[64];
    pid_t pid;
    unsigned http_port, https_port, other_port; /* other: a certificate for another name */
};

/* An authority, and two certificates of it. */
static inline void make_certificates(const char *folder)
{
    run_shell("cd \"$1\"; exec 2>log\n"
              "new='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'\n"
              "openssl req -x509 $new -keyout ca.key -out ca.pem -subj /CN=authority\n"
              "for name in IP:127.0.0.1 DNS:other.example; do\n"
              "    openssl req -x509 -CA ca.pem -CAkey ca.key $new -keyout $name.key \\\n"
              "        -out $name.pem -subj /CN=server -addext subjectAltName=$name \\\n"
              "        -addext basicConstraints=critical,CA:FALSE\n"
              "done\n",
              folder);
}

static inline void nginx_configure(const struct nginx *nginx, const char *locations)
{
    struct bytes text = {0};
    bytes_printf(&text,
                 "daemon off; user root; worker_processes 1; pid pid; error_log log;\n"
                 "events {worker_connections 256;}\n"
                 "http {\n"
                 "access_log off; client_body_temp_path body; proxy_temp_path proxy;\n"
                 "fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n"
                 "gzip on; gzip_min_length 1; gzip_types *;\n"
                 "server {listen 127.0.0.1:%u; root files; %s}\n"
                 "server {listen 127.0.0.1:%u ssl; root files;\n"
                 "ssl_certificate IP:127.0.0.1.pem; ssl_certificate_key IP:127.0.0.1.key;\n"
                 "location /down {return 302 http://127.0.0.1:%u/hello;}}\n"
                 "server {listen 127.0.0.1:%u ssl; root files;\n"
                 "ssl_certificate DNS:other.example.pem; ssl_certificate_key "
                 "DNS:other.example.key;}\n"
                 "}\n",
                 nginx->http_port, locations, nginx->https_port, nginx->http_port,
                 nginx->other_port);
    write_file(nginx->folder, "nginx.conf", bytes_text(&text));
    bytes_fini(&text);
}

/* `files/` is what it serves. `locations` may name the https port as @https. */
static inline void nginx_open(struct nginx *nginx, void (*prepare)(const struct nginx *nginx),
                              const char *(*locations)(const struct nginx *nginx))
{
    char fds[64], prefix[80];
    strcpy(nginx->folder, "/tmp/ferry-nginx-XXXXXX");
    assert_non_null(mkdtemp(nginx->folder));
    make_certificates(nginx->folder);
    const int listeners[] = {listen_free(&nginx->http_port), listen_free(&nginx->https_port),
                             listen_free(&nginx->other_port), -1};
    nginx_configure(nginx, locations(nginx));
    run_shell("mkdir \"$1/files\"", nginx->folder);
    prepare(nginx);
    snprintf(fds, sizeof fds, "%d;%d;%d;", listeners[0], listeners[1], listeners[2]);
    snprintf(prefix, sizeof prefix, "%s/", nginx->folder);
    const char *const argv[] = {"/usr/sbin/nginx", "-p", prefix, "-c",
                                "nginx.conf",      "-e", "log",  NULL};
    nginx->pid = peer_start(argv, "NGINX", fds, listeners);
    for (size_t i = 0; listeners[i] >= 0; i++)
        close(listeners[i]);
}

static inline void nginx_close(struct nginx *nginx)
{
    peer_stop(nginx->pid);
    run_shell("rm -r \"$1\"", nginx->folder);
}

/* ---- microsocks ---- */

struct microsocks {
    pid_t pid;
    unsigned port;
};

/* Returns whether it took a connection before it ended. */
static inline bool microsocks_is_up(struct microsocks *socks)
{
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%u", socks->port);
    for (;;) {
        int fd = client_connect(address);
        if (fd >= 0) {
            close(fd);
            return waitpid(socks->pid, NULL, WNOHANG) == 0;
        }
        if (waitpid(socks->pid, NULL, WNOHANG) != 0)
            return false;
        sched_yield();
    }
}

/* It takes no socket and tells no port, so that one is guessed until it works. */
static inline void microsocks_open(struct microsocks *socks, const char *user, const char *password)
{
    for (unsigned attempt = 0; attempt < 20; attempt++) {
        char port[16];
        close(listen_free(&socks->port));
        snprintf(port, sizeof port, "%u", socks->port);
        const char *const argv[] = {"microsocks", "-i", "127.0.0.1", "-p",     port,
                                    "-u",         user, "-P",        password, NULL};
        socks->pid = peer_start(argv, NULL, NULL, NULL);
        if (microsocks_is_up(socks))
            return;
    }
    fail_msg("microsocks does not start");
}

static inline void microsocks_close(struct microsocks *socks)
{
    peer_stop(socks->pid);
}

#endif
