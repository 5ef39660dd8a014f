/*
 * A request is answered at once; the e-mail that it promises is sent afterwards.
 *
 *     reminder [ADDRESS [COMMAND]]      127.0.0.1:8888 "/usr/sbin/sendmail -t"
 *     curl -d "Lunch at noon" "http://127.0.0.1:8888/remind?to=ann@example.org"
 *
 * The handler leaves the reminder to ferry_loop_add_callback and replies. Sending blocks, as it
 * feeds a command, so it runs on the executor; how it ended is logged back on the loop. SIGTERM
 * ends the program once all that was promised is sent.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ferry/future.h>
#include <ferry/http.h>
#include <ferry/log.h>

static ferry_loop *loop;
static ferry_executor *mailers;
static const char *command = "/usr/sbin/sendmail -t";
static unsigned unsent; /* promised and not sent yet */
static bool leaving;

struct reminder {
    char to[128];
    char text[1024];
};

static void *send_mail(void *arg, ferry_error *error) /* on a thread of the executor */
{
    struct reminder *reminder = arg;
    FILE *mail = popen(command, "w");
    if (!mail) {
        ferry_error_set(error, FERRY_INTERNAL, "no process for %s", command);
        return NULL;
    }
    fprintf(mail, "To: %s\nSubject: A reminder\n\n%s\n", reminder->to, reminder->text);
    int status = pclose(mail);
    if (status != 0)
        ferry_error_set(error, FERRY_TRANSIENT, "%s ended with status %d", command, status);
    return NULL;
}

static void reminder_end(struct reminder *reminder, const ferry_error *error)
{
    if (error->code)
        ferry_log(FERRY_LOG_ERROR, "not sent", "to=%s error=%s", reminder->to, error->message);
    else
        ferry_log(FERRY_LOG_INFO, "sent", "to=%s", reminder->to);
    free(reminder);
    if (--unsent == 0 && leaving)
        ferry_loop_stop(loop);
}

static void on_sent(ferry_future *future, void *reminder) /* on the loop again, as all below */
{
    reminder_end(reminder, ferry_future_error(future));
}

static void remind(void *reminder)
{
    ferry_error error;
    ferry_future *sent = ferry_run_on_executor(loop, mailers, send_mail, reminder, NULL);
    if (sent) {
        ferry_future_then(sent, on_sent, reminder);
        return;
    }
    ferry_error_set(&error, FERRY_INTERNAL, "no memory");
    reminder_end(reminder, &error);
}

static void post_remind(ferry_request *request, void *ctx)
{
    (void)ctx;
    size_t length;
    const void *text = ferry_request_body(request, &length);
    const char *to = ferry_request_query(request, "to");
    struct reminder *reminder = calloc(1, sizeof *reminder);
    if (!reminder || !to || !strchr(to, '@') || strpbrk(to, "\r\n") ||
        strlen(to) >= sizeof reminder->to || length >= sizeof reminder->text) {
        free(reminder);
        ferry_request_reply_text(request, 400, "whom shall I remind, and of what?\n");
        return;
    }
    snprintf(reminder->to, sizeof reminder->to, "%s", to);
    memcpy(reminder->text, text, length);
    if (ferry_loop_add_callback(loop, remind, reminder, free)) {
        ferry_request_reply_text(request, 503, "not now\n");
        return;
    }
    unsent++;
    ferry_request_reply_text(request, 202, "you will be reminded\n");
}

static void leave(void *server)
{
    leaving = true;
    ferry_http_server_drain(server);
    if (unsent == 0)
        ferry_loop_stop(loop);
}

int main(int argc, char **argv)
{
    char address[64];
    ferry_error error = {0};
    signal(SIGPIPE, SIG_IGN);
    ferry_log_set_sink(ferry_log_to_stderr, NULL);
    if (argc > 2)
        command = argv[2];
    loop = ferry_loop_new();
    mailers = ferry_executor_new(&(ferry_executor_options){.name = "mailers", .threads = 2});
    ferry_http_server *server = loop && mailers ? ferry_http_server_new(loop, NULL) : NULL;
    if (!server)
        return EXIT_FAILURE;
    if (ferry_http_route(server, "POST", "/remind", post_remind, NULL, &error) ||
        ferry_http_listen(server, argc > 1 ? argv[1] : "127.0.0.1:8888", address, sizeof address,
                          &error)) {
        fprintf(stderr, "%s\n", error.message);
        return EXIT_FAILURE;
    }
    ferry_loop_add_signal(loop, SIGINT, leave, server);
    ferry_loop_add_signal(loop, SIGTERM, leave, server);
    printf("listening on %s\n", address);
    fflush(stdout);
    ferry_loop_run(loop);
    ferry_http_server_free(server);
    ferry_loop_free(loop);
    ferry_executor_free(mailers);
    return EXIT_SUCCESS;
}
