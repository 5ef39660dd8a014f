#include "packs.h"

#include <string.h>

#include "job_id.h"
#include "pack.h"

enum {
    PACK_LEAST = 8,        /* fewer jobs have rows */
    PACK_BYTES = 32 << 10, /* of results */
    PACK_SPAN_MS = 100,    /* between the first and the last that came */
};

/* The time in an id (job_id_make): packs are found by it. */
static int64_t id_time(const unsigned char *id)
{
    return (int64_t)id[0] << 24 | (int64_t)id[1] << 16 | (int64_t)id[2] << 8 | id[3];
}

/* ---- into the tables ---- */

static int write_singles(struct statements *statements, struct packing *packing, ferry_error *error)
{
    int rc = ended_jobs_insert(statements, packing->singles, packing->single_count, error);
    packing->single_count = 0;
    return rc;
}

static int write_rows(struct statements *statements, struct packing *packing, ferry_error *error)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < packing->count; i++) {
        packing->singles[packing->single_count++] = packing->run[i];
        if (packing->single_count == SUCCEEDED_ROWS)
            rc = write_singles(statements, packing, error);
    }
    return rc;
}

static int insert_pack(struct statements *statements, const struct packing *packing,
                       const struct bytes *ids, const struct bytes *jobs, ferry_error *error)
{
    const struct ended_job *first = &packing->run[0], *last = &packing->run[packing->count - 1];
    int64_t finished_ms = 0;
    for (unsigned i = 0; i < packing->count; i++) {
        if (packing->run[i].finished_ms > finished_ms)
            finished_ms = packing->run[i].finished_ms;
    }
    sqlite3_stmt *at = statement_of(statements, INSERT_PACK);
    sqlite3_bind_int64(at, 1, first->job);
    sqlite3_bind_int64(at, 2, packing->count);
    sqlite3_bind_text(at, 3, first->route, -1, SQLITE_STATIC);
    sqlite3_bind_text(at, 4, first->worker, -1, SQLITE_STATIC);
    sqlite3_bind_int64(at, 5, id_time(first->id));
    sqlite3_bind_int64(at, 6, id_time(last->id));
    sqlite3_bind_int64(at, 7, finished_ms);
    sqlite3_bind_blob64(at, 8, ids->data, ids->length, SQLITE_STATIC);
    sqlite3_bind_blob64(at, 9, jobs->data, jobs->length, SQLITE_STATIC);
    return statement_run(statements, INSERT_PACK, error);
}

static int write_pack(struct statements *statements, const struct packing *packing,
                      ferry_error *error)
{
    struct bytes ids = {0}, jobs = {0};
    for (unsigned i = 0; i < packing->count; i++)
        pack_add(&ids, &jobs, &packing->run[i]);
    int rc = ids.failed || jobs.failed ? ferry_error_set(error, FERRY_INTERNAL, "no memory")
                                       : insert_pack(statements, packing, &ids, &jobs, error);
    bytes_fini(&ids);
    bytes_fini(&jobs);
    return rc;
}

/* Tell whether any of the numbers has a row, as only somebody else can have written: 1, 0, or a
 * code. */
static int has_rows(struct statements *statements, int64_t first, int64_t last, ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, ANY_ROW);
    sqlite3_bind_int64(at, 1, first);
    sqlite3_bind_int64(at, 2, last);
    int rc = statement_step(statements, ANY_ROW, error);
    if (rc > 0)
        statement_abandon(statements, ANY_ROW);
    return rc;
}

/* A row says which number is taken; so do rows where a pack would have to. */
static int write_run(struct statements *statements, struct packing *packing, ferry_error *error)
{
    int rc = 1;
    if (packing->count >= PACK_LEAST)
        rc = has_rows(statements, packing->run[0].job, packing->run[packing->count - 1].job, error);
    if (rc == 0)
        rc = write_pack(statements, packing, error);
    else if (rc > 0)
        rc = write_rows(statements, packing, error);
    packing->count = 0;
    packing->bytes = 0;
    return rc;
}

static bool may_follow(const struct packing *packing, const struct ended_job *job)
{
    const struct ended_job *first = &packing->run[0], *last = &packing->run[packing->count - 1];
    return packing->count < PACK_JOBS && job->job == last->job + 1 &&
           id_time(job->id) >= id_time(last->id) &&
           id_time(job->id) - id_time(first->id) <= PACK_SPAN_MS &&
           packing->bytes + job->result_length <= PACK_BYTES &&
           strcmp(job->route, first->route) == 0 && strcmp(job->worker, first->worker) == 0;
}

int packing_add(struct statements *statements, struct packing *packing, const struct ended_job *job,
                ferry_error *error)
{
    int rc = 0;
    if (packing->count > 0 && !may_follow(packing, job))
        rc = write_run(statements, packing, error);
    packing->run[packing->count++] = *job;
    packing->bytes += job->result_length;
    return rc;
}

int packing_end(struct statements *statements, struct packing *packing, ferry_error *error)
{
    int rc = write_run(statements, packing, error);
    return rc == 0 ? write_singles(statements, packing, error) : rc;
}

/* ---- out of the table ---- */

/* Step one of the statements that read packs. Returns 1, and it is the caller's to abandon, 0:
 * there is no pack, or a code. */
static int step_pack(struct statements *statements, enum statement which, struct pack *pack,
                     ferry_error *error)
{
    sqlite3_stmt *at = statement_of(statements, which);
    int rc = statement_step(statements, which, error);
    if (rc <= 0)
        return rc;
    *pack = (struct pack){
        .first = sqlite3_column_int64(at, 0),
        .route = (const char *)sqlite3_column_text(at, 1),
        .worker = (const char *)sqlite3_column_text(at, 2),
        .ids = sqlite3_column_blob(at, 3),
        .count = (size_t)sqlite3_column_bytes(at, 3) / RANDOM_ID_BYTES,
        .jobs = sqlite3_column_blob(at, 4),
        .length = (size_t)sqlite3_column_bytes(at, 4),
    };
    if (pack->route && pack->worker) /* which are not NULL in the table */
        return 1;
    statement_abandon(statements, which);
    return ferry_error_set(error, FERRY_INTERNAL, "no memory");
}

static int damaged(const struct pack *pack, ferry_error *error)
{
    ferry_error_set(error, FERRY_INTERNAL, "the pack of jobs %lld is damaged",
                    (long long)pack->first);
    return FERRY_INTERNAL;
}

/* Read the next job. Returns 1, 0 at the end, or a code. */
static int next_job(struct pack *pack, struct ended_job *job, ferry_error *error)
{
    int rc = pack_next(pack, job);
    return rc < 0 ? damaged(pack, error) : rc;
}

/* Make a record of the job of an id, if the pack has it. Returns 1, 0 or a code. */
static int find_in_pack(struct pack *pack, const unsigned char *id, struct job_record *record,
                        ferry_error *error)
{
    struct ended_job job;
    int rc;
    while ((rc = next_job(pack, &job, error)) > 0) {
        if (memcmp(job.id, id, RANDOM_ID_BYTES) != 0)
            continue;
        rc = ended_job_record(&job, true, record, error);
        return rc < 0 ? rc : 1;
    }
    return rc;
}

int packs_find(struct statements *statements, const char *id, struct job_record *record,
               ferry_error *error)
{
    unsigned char bits[RANDOM_ID_BYTES];
    if (!job_id_parse(id, bits))
        return 0;
    sqlite3_stmt *at = statement_of(statements, FIND_PACK);
    sqlite3_bind_int64(at, 1, id_time(bits) - PACK_SPAN_MS);
    sqlite3_bind_int64(at, 2, id_time(bits));
    sqlite3_bind_blob(at, 3, bits, sizeof bits, SQLITE_STATIC);
    struct pack pack;
    int rc, found = 0;
    while (found == 0 && (rc = step_pack(statements, FIND_PACK, &pack, error)) > 0)
        found = find_in_pack(&pack, bits, record, error);
    if (found == 0)
        return rc;
    statement_abandon(statements, FIND_PACK);
    return found;
}

/* Read the pack that has the job of a number, and tell its place there. Returns 1, and PACK_OF is
 * the caller's to abandon, 0: there is none, or a code. */
static int read_pack_of(struct statements *statements, int64_t job, struct pack *pack,
                        size_t *place, ferry_error *error)
{
    sqlite3_bind_int64(statement_of(statements, PACK_OF), 1, job);
    int rc = step_pack(statements, PACK_OF, pack, error);
    if (rc <= 0)
        return rc;
    *place = (size_t)(job - pack->first);
    if (*place < pack->count)
        return 1;
    statement_abandon(statements, PACK_OF); /* it is damaged: it says to have more than it has */
    return 0;
}

int packs_have(struct statements *statements, int64_t job, const unsigned char id[RANDOM_ID_BYTES],
               ferry_error *error)
{
    struct pack pack;
    size_t place;
    int rc = read_pack_of(statements, job, &pack, &place, error);
    if (rc <= 0)
        return rc;
    bool has_it = memcmp(pack.ids + place * RANDOM_ID_BYTES, id, RANDOM_ID_BYTES) == 0;
    statement_abandon(statements, PACK_OF);
    return has_it;
}

/* ---- a listing ---- */

/* Read the jobs of a pack from `bottom` to `top`, in the order of their numbers. Returns 0, or
 * FERRY_INVALID where it is damaged: then they are those before that. */
static int read_between(struct pack *pack, int64_t bottom, int64_t top, struct ended_job *jobs,
                        size_t *count)
{
    int rc = 0;
    *count = 0;
    while (*count < PACK_JOBS && (rc = pack_next(pack, &jobs[*count])) > 0) {
        if (jobs[*count].job >= bottom && jobs[*count].job <= top)
            ++*count;
    }
    return rc < 0 ? rc : 0;
}

/* Append such jobs, the last first, up to so many. Returns 0 or a code. */
static int append_jobs(struct listing *listing, const struct ended_job *jobs, size_t count,
                       size_t end, ferry_error *error)
{
    int rc = 0;
    for (; rc == 0 && count > 0 && listing->count < end; count--) {
        rc = ended_job_record(&jobs[count - 1], false, &listing->records[listing->count], error);
        listing->count += rc == 0;
    }
    return rc;
}

int packs_list(struct statements *statements, int64_t bottom, int64_t top, const char *route,
               size_t limit, struct listing *listing, ferry_error *error)
{
    size_t end = listing->count + limit;
    sqlite3_stmt *at = statement_of(statements, PACKS_BETWEEN);
    sqlite3_bind_int64(at, 1, bottom - PACK_JOBS + 1);
    sqlite3_bind_int64(at, 2, top);
    sqlite3_bind_text(at, 3, route, -1, SQLITE_STATIC);
    struct pack pack;
    int rc;
    while ((rc = step_pack(statements, PACKS_BETWEEN, &pack, error)) > 0) {
        struct ended_job jobs[PACK_JOBS];
        size_t count;
        if (read_between(&pack, bottom, top, jobs, &count) < 0)
            listing->damaged = pack.first;
        rc = append_jobs(listing, jobs, count, end, error);
        if (rc < 0 || listing->count == end || listing->damaged) {
            statement_abandon(statements, PACKS_BETWEEN);
            return rc;
        }
    }
    return rc;
}

/* ---- changes ---- */

static int delete_pack(struct statements *statements, int64_t first, ferry_error *error)
{
    sqlite3_bind_int64(statement_of(statements, DELETE_PACK), 1, first);
    return statement_run(statements, DELETE_PACK, error);
}

/* Keep the oldest jobs of a pack, so many. */
static int keep_oldest(struct statements *statements, struct pack *pack, size_t count,
                       ferry_error *error)
{
    struct ended_job job = {0};
    int64_t finished_ms = 0;
    while (pack->read < count) {
        int rc = next_job(pack, &job, error);
        if (rc <= 0)
            return rc < 0 ? rc : damaged(pack, error);
        if (job.finished_ms > finished_ms)
            finished_ms = job.finished_ms;
    }
    sqlite3_stmt *at = statement_of(statements, CUT_PACK);
    sqlite3_bind_int64(at, 1, pack->first);
    sqlite3_bind_int64(at, 2, (int64_t)count);
    sqlite3_bind_int64(at, 3, id_time(job.id));
    sqlite3_bind_int64(at, 4, finished_ms);
    sqlite3_bind_int64(at, 5, (int64_t)count * RANDOM_ID_BYTES);
    sqlite3_bind_int64(at, 6, (int64_t)pack->at);
    return statement_run(statements, CUT_PACK, error);
}

int packs_cut(struct statements *statements, int64_t last, size_t most, ferry_error *error)
{
    struct pack pack;
    size_t place;
    int rc = read_pack_of(statements, last, &pack, &place, error);
    if (rc <= 0)
        return rc;
    size_t count = most < pack.count ? most : pack.count;
    if (place + 1 < pack.count)
        count = 0;
    else if (count == pack.count)
        rc = delete_pack(statements, pack.first, error);
    else
        rc = keep_oldest(statements, &pack, pack.count - count, error);
    statement_abandon(statements, PACK_OF);
    return rc < 0 ? rc : (int)count;
}

static int insert_rows(struct statements *statements, struct pack *pack, ferry_error *error)
{
    struct ended_job job;
    int rc;
    while ((rc = next_job(pack, &job, error)) > 0) {
        rc = ended_jobs_insert(statements, &job, 1, error);
        if (rc < 0)
            return rc;
    }
    return rc;
}

int packs_open(struct statements *statements, int64_t job, ferry_error *error)
{
    struct pack pack;
    size_t place;
    int rc = read_pack_of(statements, job, &pack, &place, error);
    if (rc <= 0)
        return rc;
    rc = insert_rows(statements, &pack, error);
    statement_abandon(statements, PACK_OF);
    return rc == 0 ? delete_pack(statements, pack.first, error) : rc;
}

static int visit_ids(const struct pack *pack, packs_visit *visit, void *arg, ferry_error *error)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < pack->count; i++) {
        char id[RANDOM_ID_TEXT_SIZE];
        job_id_format(pack->ids + i * RANDOM_ID_BYTES, id);
        rc = visit(arg, pack->route, id, error);
    }
    return rc;
}

/* Delete the pack that a statement finds, and add up how many jobs it had. Returns 1, 0: there is
 * none, or a code. */
static int delete_whole(struct statements *statements, enum statement which, size_t *count,
                        packs_visit *visit, void *arg, ferry_error *error)
{
    struct pack pack;
    int rc = step_pack(statements, which, &pack, error);
    if (rc <= 0)
        return rc;
    *count += pack.count;
    rc = visit_ids(&pack, visit, arg, error);
    statement_abandon(statements, which);
    if (rc == 0)
        rc = delete_pack(statements, pack.first, error);
    return rc < 0 ? rc : 1;
}

int packs_delete(struct statements *statements, int64_t first, packs_visit *visit, void *arg,
                 ferry_error *error)
{
    size_t count = 0;
    sqlite3_bind_int64(statement_of(statements, PACK_OF), 1, first);
    int rc = delete_whole(statements, PACK_OF, &count, visit, arg, error);
    return rc < 0 ? rc : 0;
}

int packs_retire(struct statements *statements, const char *route, int64_t before_ms,
                 unsigned least, packs_visit *visit, void *arg, ferry_error *error)
{
    int rc = 1;
    for (size_t gone = 0; rc > 0 && gone < least;) {
        sqlite3_stmt *at = statement_of(statements, FINAL_PACK);
        sqlite3_bind_text(at, 1, route, -1, SQLITE_STATIC);
        sqlite3_bind_int64(at, 2, before_ms);
        rc = delete_whole(statements, FINAL_PACK, &gone, visit, arg, error);
    }
    return rc < 0 ? rc : 0;
}
