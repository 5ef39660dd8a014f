/*
 * Passwords.
 *
 * Loop thread, and one that hashes. A check is made once for all who claim the same at a time: a
 * browser's first six requests cost one hash. While it is under way it stands in the list; then it
 * tells its waiters and is freed, by `done`, or by `dropped` when there is no loop any more. The
 * thread sees its user, hash and password, which nobody changes, and writes is_right.
 *
 * Who guesses is held back three times: by the hash itself, by TRIES for each client, and by a
 * short queue. Those who are proven pass by all of it.
 */
#include "passwords.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include <ferry/executor.h>
#include <ferry/log.h>

#include "client_rate.h"
#include "clock.h"
#include "digest.h"
#include "library.h"
#include "proven.h"

enum { QUEUE = 32, TRIES = 10, TRIES_PER_MS = 1000, QUEUE_RETRY_MS = 2000 };

struct waiter {
    struct waiter *next;
    passwords_done *done;
    void *arg;
};

struct check {
    struct check *next, **link;  /* of `passwords` */
    struct passwords *passwords; /* NULL: it was freed */
    struct waiter *waiters;
    struct proven_digest digest;
    char *password;
    char *hash;
    bool is_nobody;
    bool is_right;
};

struct passwords {
    ferry_loop *loop;
    ferry_executor *executor; /* NULL until it is needed */
    struct check *checks;
    struct client_rate *tries;
    struct proven proven;
};

/* ---- the thread ---- */

static bool is_same(const char *a, const char *b)
{
    size_t length = strlen(a);
    return length == strlen(b) && digest_is_same(a, b, length);
}

typedef __typeof__(crypt_rn) crypt_function;

/* It is loaded here, as a server without passwords need not start with it, and stays: a second
 * dlopen only counts. */
static crypt_function *crypt_load(void)
{
    static const struct library_symbol symbol = {"crypt_rn", 0};
    crypt_function *found;
    const char *wrong = library_load("libcrypt.so.1", &symbol, 1, &found);
    if (wrong)
        ferry_log(FERRY_LOG_ERROR, "no password can be looked at", "error=%s", wrong);
    return wrong ? NULL : found;
}

static void check_run(void *arg)
{
    struct check *check = arg;
    crypt_function *crypt_it = crypt_load();
    struct crypt_data *data = crypt_it ? calloc(1, sizeof *data) : NULL;
    if (!data)
        return;
    const char *hash = crypt_it(check->password, check->hash, data, sizeof *data);
    check->is_right = hash && is_same(hash, check->hash) && !check->is_nobody;
    explicit_bzero(data, sizeof *data);
    free(data);
}

/* ---- a check's end ---- */

static void check_free(struct check *check)
{
    if (check->password)
        explicit_bzero(check->password, strlen(check->password));
    free(check->password);
    free(check->hash);
    free(check);
}

static void check_unlink(struct check *check)
{
    *check->link = check->next;
    if (check->next)
        check->next->link = check->link;
    check->passwords = NULL;
}

static void check_tell(struct check *check, bool is_right, const ferry_error *error)
{
    while (check->waiters) {
        struct waiter *waiter = check->waiters;
        check->waiters = waiter->next;
        waiter->done(waiter->arg, is_right, error);
        free(waiter);
    }
}

static void check_done(void *arg, const ferry_task_report *report)
{
    struct check *check = arg;
    ferry_error error = {0};
    if (check->passwords) {
        if (check->is_right)
            proven_add(&check->passwords->proven, &check->digest);
        if (report->outcome != FERRY_OK)
            ferry_error_set(&error, report->outcome, "the password was not looked at in time");
        check_unlink(check);
        check_tell(check, check->is_right && !error.code, &error);
    }
    check_free(check);
}

/* The passwords are no more, so that nobody waits. */
static void check_dropped(void *arg, const ferry_task_report *report)
{
    (void)report;
    check_free(arg);
}

/* ---- a check's begin ---- */

static struct check *check_find(struct passwords *passwords, const struct proven_digest *digest,
                                bool is_nobody)
{
    struct check *check = passwords->checks;
    while (check &&
           (memcmp(&check->digest, digest, sizeof *digest) != 0 || check->is_nobody != is_nobody))
        check = check->next;
    return check;
}

static bool start_thread(struct passwords *passwords, ferry_error *error)
{
    if (!passwords->executor)
        passwords->executor = ferry_executor_new(&(ferry_executor_options){
            .name = "passwords", .threads = 1, .queue = QUEUE, .batch = true});
    if (!passwords->executor)
        ferry_error_set(error, FERRY_REJECTED, "cannot start a thread that looks at passwords");
    return passwords->executor != NULL;
}

static struct check *check_start(struct passwords *passwords, const struct password_claim *claim,
                                 const struct proven_digest *digest, ferry_error *error)
{
    struct check *check = calloc(1, sizeof *check);
    if (check) {
        check->digest = *digest;
        check->is_nobody = claim->is_nobody;
        check->password = strdup(claim->password);
        check->hash = strdup(claim->hash);
    }
    const ferry_task_work work = {
        .run = check_run, .done = check_done, .dropped = check_dropped, .arg = check};
    if (!check || !check->password || !check->hash)
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
    else if (start_thread(passwords, error) &&
             ferry_executor_submit(passwords->executor, passwords->loop, &work, error)) {
        check->passwords = passwords;
        check->next = passwords->checks;
        check->link = &passwords->checks;
        if (check->next)
            check->next->link = &check->next;
        passwords->checks = check;
        return check;
    }
    if (check)
        check_free(check);
    return NULL;
}

/* As check_start, if the peer may try. */
static struct check *check_try(struct passwords *passwords, const struct password_claim *claim,
                               const struct proven_digest *digest, int64_t *retry_after_ms,
                               ferry_error *error)
{
    *retry_after_ms = client_rate_take(passwords->tries, claim->peer, clock_monotonic_us());
    if (*retry_after_ms > 0) {
        ferry_error_set(error, FERRY_RATE_LIMITED, "too many passwords were tried from %s",
                        claim->peer);
        return NULL;
    }
    struct check *check = check_start(passwords, claim, digest, error);
    if (!check && error->code == FERRY_REJECTED) {
        if (passwords->executor)
            ferry_error_set(error, FERRY_REJECTED, "too many passwords wait to be looked at");
        *retry_after_ms = QUEUE_RETRY_MS;
    }
    return check;
}

/* ---- from outside ---- */

bool passwords_is_proven(struct passwords *passwords, const struct password_claim *claim)
{
    struct proven_digest digest;
    return !claim->is_nobody &&
           proven_digest(&passwords->proven, claim->user, claim->hash, claim->password, &digest) &&
           proven_has(&passwords->proven, &digest);
}

int passwords_check(struct passwords *passwords, const struct password_claim *claim,
                    passwords_done *done, void *arg, int64_t *retry_after_ms, ferry_error *error)
{
    struct proven_digest digest;
    struct waiter *waiter = malloc(sizeof *waiter);
    *retry_after_ms = 0;
    if (!waiter ||
        !proven_digest(&passwords->proven, claim->user, claim->hash, claim->password, &digest)) {
        free(waiter);
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    }
    struct check *check = check_find(passwords, &digest, claim->is_nobody);
    if (!check)
        check = check_try(passwords, claim, &digest, retry_after_ms, error);
    if (!check) {
        free(waiter);
        return error->code;
    }
    *waiter = (struct waiter){.next = check->waiters, .done = done, .arg = arg};
    check->waiters = waiter;
    return 0;
}

/* ---- life ---- */

struct passwords *passwords_new(ferry_loop *loop)
{
    struct passwords *passwords = calloc(1, sizeof *passwords);
    if (!passwords)
        return NULL;
    passwords->loop = loop;
    passwords->tries = client_rate_new(1, TRIES_PER_MS, TRIES);
    proven_init(&passwords->proven);
    if (passwords->tries)
        return passwords;
    passwords_free(passwords, 0);
    return NULL;
}

void passwords_free(struct passwords *passwords, int64_t deadline_ms)
{
    if (!passwords)
        return;
    ferry_error error;
    ferry_error_set(&error, FERRY_CANCELLED, "the server ends");
    while (passwords->checks) {
        struct check *check = passwords->checks;
        check_unlink(check);
        check_tell(check, false, &error); /* its thread may still be at it */
    }
    if (passwords->executor) {
        ferry_executor_shutdown(passwords->executor, deadline_ms);
        ferry_executor_free(passwords->executor);
    }
    client_rate_free(passwords->tries);
    explicit_bzero(passwords, sizeof *passwords);
    free(passwords);
}
