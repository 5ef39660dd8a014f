/*
 * A blocking database behind an HTTP server that never blocks: SQLite, one connection a thread.
 *
 *     blocking_database [ADDRESS [FILE]]      127.0.0.1:8888 notes.db
 *     curl -d "buy milk" http://127.0.0.1:8888/notes        {"id": 1}
 *     curl http://127.0.0.1:8888/notes/1                    buy milk
 *
 * Handlers are coroutines on the loop; the functions that they give to ferry_run_on_executor run on
 * its threads. Each thread opens its connection when it first needs one, keeps it in
 * thread-specific storage, and closes it when it ends. The query lives on the coroutine's stack:
 * ferry_await returns only when the thread is through with it.
 *
 *     cc blocking_database.c $(pkg-config --cflags --libs ferry sqlite3)
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include <sqlite3.h>

#include <ferry/coroutine.h>
#include <ferry/http.h>

static ferry_loop *loop;
static ferry_executor *pool;
static const char *file = "notes.db";

/* ---- on the pool's threads ---- */

static tss_t connection_key;

static void connection_close(void *connection)
{
    sqlite3_close(connection);
}

static sqlite3 *connection_of_thread(ferry_error *error)
{
    sqlite3 *db = tss_get(connection_key);
    if (db)
        return db;
    if (sqlite3_open(file, &db) || sqlite3_busy_timeout(db, 5000) ||
        tss_set(connection_key, db) != thrd_success) {
        ferry_error_set(error, FERRY_TRANSIENT, "%s: %s", file, sqlite3_errmsg(db));
        sqlite3_close(db);
        return NULL;
    }
    return db;
}

struct query {
    const char *sql; /* with one parameter at most, and one result at most */
    const void *text;
    size_t length;
    int64_t inserted; /* the id of a new row */
};

/* Returns the text of the first row, for free(), or NULL if there is none. */
static void *run_query(void *arg, ferry_error *error)
{
    struct query *query = arg;
    sqlite3_stmt *statement = NULL;
    char *text = NULL;
    sqlite3 *db = connection_of_thread(error);
    if (!db)
        return NULL;
    int code = sqlite3_prepare_v2(db, query->sql, -1, &statement, NULL);
    if (code == SQLITE_OK && query->text)
        code = sqlite3_bind_text64(statement, 1, query->text, query->length, SQLITE_STATIC,
                                   SQLITE_UTF8);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW && sqlite3_column_text(statement, 0))
        text = strdup((const char *)sqlite3_column_text(statement, 0));
    else if (code != SQLITE_DONE)
        ferry_error_set(error, FERRY_TRANSIENT, "%s: %s", file, sqlite3_errmsg(db));
    query->inserted = sqlite3_last_insert_rowid(db);
    sqlite3_finalize(statement);
    return text;
}

/* ---- on the loop ---- */

static void post_note(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_error error;
    char json[40];
    struct query query = {.sql = "INSERT INTO notes (text) VALUES (?)"};
    query.text = ferry_request_body(request, &query.length);
    ferry_await(ferry_run_on_executor(loop, pool, run_query, &query, free), &error);
    if (error.code) {
        ferry_request_reply_error(request, &error);
        return;
    }
    snprintf(json, sizeof json, "{\"id\": %" PRId64 "}\n", query.inserted);
    ferry_request_reply_json(request, 201, json);
}

static void get_note(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_error error;
    struct query query = {.sql = "SELECT text FROM notes WHERE id = ?"};
    query.text = ferry_request_param(request, "id");
    query.length = strlen(query.text);
    char *text = ferry_await(ferry_run_on_executor(loop, pool, run_query, &query, free), &error);
    if (text)
        ferry_request_reply_text(request, 200, text);
    else if (error.code)
        ferry_request_reply_error(request, &error);
    else
        ferry_request_reply_text(request, 404, "no such note\n");
    free(text);
}

static void stop(void *arg)
{
    ferry_loop_stop(arg);
}

static ferry_http_server *serve(const char *address, ferry_error *error)
{
    char bound[64];
    struct query create = {.sql =
                               "CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text)"};
    ferry_loop_run_sync(loop, ferry_run_on_executor(loop, pool, run_query, &create, free), 0,
                        error);
    if (error->code)
        return NULL;
    ferry_http_server *server = ferry_http_server_new(loop, NULL);
    if (!server || ferry_http_route_coroutine(server, "POST", "/notes", post_note, NULL, error) ||
        ferry_http_route_coroutine(server, "GET", "/notes/{id}", get_note, NULL, error) ||
        ferry_http_listen(server, address, bound, sizeof bound, error)) {
        ferry_http_server_free(server);
        return NULL;
    }
    printf("listening on %s\n", bound);
    fflush(stdout);
    return server;
}

int main(int argc, char **argv)
{
    ferry_error error = {0};
    signal(SIGPIPE, SIG_IGN);
    if (argc > 2)
        file = argv[2];
    loop = ferry_loop_new();
    pool = ferry_executor_new(&(ferry_executor_options){.name = "database", .threads = 4});
    if (!loop || !pool || tss_create(&connection_key, connection_close) != thrd_success)
        return EXIT_FAILURE;
    ferry_http_server *server = serve(argc > 1 ? argv[1] : "127.0.0.1:8888", &error);
    if (!server)
        fprintf(stderr, "%s\n", error.message);
    ferry_loop_add_signal(loop, SIGINT, stop, loop);
    ferry_loop_add_signal(loop, SIGTERM, stop, loop);
    if (server)
        ferry_loop_run(loop);
    ferry_http_server_free(server);
    ferry_loop_free(loop);                /* ends the coroutines, */
    ferry_executor_shutdown(pool, 10000); /* then the threads, which close their connections */
    ferry_executor_free(pool);
    return server ? EXIT_SUCCESS : EXIT_FAILURE;
}
