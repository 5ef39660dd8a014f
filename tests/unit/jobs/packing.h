/* Jobs that come together and succeed: what shares a row. The writer of writing.h, whose journal
 * has begun. */
#ifndef TESTS_JOBS_PACKING_H
#define TESTS_JOBS_PACKING_H

#include "writing.h"

#include "database.h"
#include "job_id.h"
#include "packs.h"
#include "record.h"

enum { TOGETHER_MOST = 3 * PACK_JOBS, TOGETHER_LEAST = 8 };

/* A job, and its end. */
struct comer {
    struct insert_operation insert;
    struct settle_operation settle; /* as it will end, from together_come on */
    bool stays_open;
};

struct together {
    struct comer jobs[TOGETHER_MOST];
    int count;
};

/* Add so many, whose ids are of a time. Returns the first of them. */
static inline struct comer *together_add(struct together *together, int count, int64_t id_ms)
{
    struct comer *first = &together->jobs[together->count];
    assert_true(together->count + count <= TOGETHER_MOST);
    for (int i = 0; i < count; i++) {
        first[i] = (struct comer){.insert = short_of()};
        job_id_make(first[i].insert.id, id_ms);
    }
    together->count += count;
    return first;
}

/* They get their numbers, and are in the journal. */
static inline void together_come(struct together *together)
{
    struct operation *first = NULL;
    for (int i = together->count - 1; i >= 0; i--) {
        together->jobs[i].insert.base.next = first;
        first = &together->jobs[i].insert.base;
    }
    writer_run(writer, first);
    for (int i = 0; i < together->count; i++) {
        struct comer *job = &together->jobs[i];
        assert_int_equal(job->insert.base.error.code, FERRY_OK);
        assert_int_equal(job->insert.base.way, WAY_JOURNAL);
        job->settle = success_of(&job->insert);
    }
}

static inline void give_rows(void)
{
    struct operation give_rows = {.kind = OPERATION_GIVE_ROWS};
    assert_int_equal(run(&give_rows), FERRY_OK);
}

/* Those that do not stay open succeed, and all get their places in the tables. */
static inline void together_end(struct together *together)
{
    struct operation *first = NULL;
    for (int i = together->count - 1; i >= 0; i--) {
        if (together->jobs[i].stays_open)
            continue;
        together->jobs[i].settle.base.next = first;
        first = &together->jobs[i].settle.base;
    }
    writer_run(writer, first);
    for (int i = 0; i < together->count; i++)
        assert_true(together->jobs[i].stays_open || together->jobs[i].settle.changed);
    give_rows();
}

static inline void together_run(struct together *together)
{
    together_come(together);
    together_end(together);
}

/* So many come at a time, and succeed. */
static inline void come_together(struct together *together, int count)
{
    *together = (struct together){0};
    together_add(together, count, 1000);
    together_run(together);
}

/* ---- what is in the tables ---- */

/* So many packs, with so many jobs, and so many rows. */
static inline void expect_tables(int packs, int packed, int rows)
{
    assert_int_equal(query("SELECT count(*) FROM packs"), packs);
    assert_int_equal(query("SELECT coalesce(sum(count), 0) FROM packs"), packed);
    assert_int_equal(query("SELECT count(*) FROM jobs"), rows);
}

static inline int find(const char *id, struct job_record *record)
{
    ferry_error error = {0};
    return record_find(writer_statements(writer), id, record, &error);
}

/* Have a job be there, as one that has succeeded. */
static inline void expect_found(const struct insert_operation *insert)
{
    struct job_record record;
    assert_int_equal(find(insert->id, &record), 0);
    assert_string_equal(record.id, insert->id);
    assert_int_equal(record.job, insert->claim.job);
    assert_string_equal(record.route, insert->route);
    assert_int_equal(record.state, JOB_SUCCEEDED);
    job_record_fini(&record);
}

static inline void expect_all_found(const struct together *together)
{
    for (int i = 0; i < together->count; i++)
        expect_found(&together->jobs[i].insert);
}

/* Have the look-up of a job fail so. */
static inline void expect_not_found(const struct insert_operation *insert, int code)
{
    struct job_record record;
    assert_int_equal(find(insert->id, &record), code);
}

/* ---- a reader of its own ---- */

/* Connect a reader of which each statement is told before it runs. */
static inline struct statements *traced_reader(int (*told)(unsigned, void *, void *, void *),
                                               sqlite3 **reader)
{
    *reader = database_open_reader(folder.database, NULL);
    struct statements *statements = statements_new(*reader, true, NULL);
    assert_non_null(statements);
    assert_int_equal(sqlite3_trace_v2(*reader, SQLITE_TRACE_STMT, told, NULL), SQLITE_OK);
    return statements;
}

static inline void traced_reader_close(struct statements *statements, sqlite3 *reader)
{
    statements_free(statements);
    assert_int_equal(sqlite3_close(reader), SQLITE_OK);
}

/* Change all that fit a filter, page by page, each of which is checked. Returns how many. */
static inline unsigned change_all(enum job_action action, struct job_filter filter,
                                  void (*check)(const struct change_operation *page))
{
    unsigned count = 0;
    do {
        struct change_operation page = change_of(action, "");
        page.filter = filter;
        assert_int_equal(run(&page.base), FERRY_OK);
        assert_true(page.next == 0 || filter.before == 0 || page.next < filter.before);
        check(&page);
        filter.before = page.next;
        count += page.count;
        change_operation_fini(&page);
    } while (filter.before > 0);
    return count;
}

#endif
