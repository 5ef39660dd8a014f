#include "journal.h"

#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "clock.h"
#include "little_endian.h"

enum {
    MAX_BYTES = 4 << 20,
    GROWTH_BYTES = 512 << 10,
    RETRY_PAUSE_US = 1000000, /* after a failure */
};

struct entry_head {
    unsigned char check[8]; /* of what follows */
    unsigned char length[8];
    unsigned char number[8];
    unsigned char boot[RANDOM_ID_BYTES];
};

struct journal {
    char *path;
    unsigned char boot[RANDOM_ID_BYTES];
    sqlite3_file *file; /* NULL: not open */
    sqlite3_int64 size; /* of the file */
    int64_t end;        /* where the next entry goes */
    int64_t number;     /* of the last one */
    bool is_broken;     /* until it is emptied, after this time */
    int64_t retry_us;
    struct bytes text; /* an entry with its head, as it is written */
};

/* ---- checksums ---- */

/* As SQLite's for the frames of its log, with bigger numbers: the second sum weighs where a word
 * stands. */
static uint64_t checksum(const char *data, size_t length)
{
    uint64_t sum = length, weighed = 0;
    size_t left = length;
    for (; left >= sizeof sum; left -= sizeof sum, data += sizeof sum) {
        sum += little_get(data, sizeof sum) + weighed;
        weighed += sum;
    }
    if (left > 0) {
        sum += little_get(data, left) + weighed;
        weighed += sum;
    }
    return sum ^ (weighed << 32 | weighed >> 32);
}

/* Over an entry with its head. */
static uint64_t entry_check(const char *text, size_t length)
{
    size_t skipped = sizeof((struct entry_head *)NULL)->check;
    return checksum(text + skipped, length - skipped);
}

/* ---- the file ---- */

static int journal_fail(int rc, const char *what, ferry_error *error)
{
    return ferry_error_set(error, rc == SQLITE_FULL ? FERRY_STORAGE_FULL : FERRY_REJECTED,
                           "the jobs' journal: %s: %s", what, sqlite3_errstr(rc));
}

void journal_close(struct journal *journal)
{
    if (journal->file && journal->file->pMethods)
        journal->file->pMethods->xClose(journal->file);
    free(journal->file);
    journal->file = NULL;
}

/* SQLite's flag for a log has it give the file the database's permissions, and sync the folder with
 * the first sync of a new one. */
static int journal_open(struct journal *journal, ferry_error *error)
{
    if (journal->file)
        return 0;
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    journal->file = calloc(1, (size_t)vfs->szOsFile);
    if (!journal->file)
        return ferry_error_set(error, FERRY_REJECTED, "no memory");
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_WAL;
    int rc = vfs->xOpen(vfs, journal->path, journal->file, flags, NULL);
    if (rc == SQLITE_OK)
        rc = journal->file->pMethods->xFileSize(journal->file, &journal->size);
    if (rc == SQLITE_OK)
        return 0;
    journal_close(journal);
    return journal_fail(rc, "cannot be opened", error);
}

/* ---- writing ---- */

int64_t journal_number(const struct journal *journal)
{
    return journal->number;
}

bool journal_fits(const struct journal *journal, size_t length)
{
    return journal->end + (int64_t)(sizeof(struct entry_head) + length) <= MAX_BYTES;
}

bool journal_has_room(const struct journal *journal, size_t length)
{
    return !journal->is_broken && journal_fits(journal, length);
}

static void journal_format(struct journal *journal, const struct bytes *entry)
{
    struct entry_head head;
    struct bytes *text = &journal->text;
    little_put(head.check, sizeof head.check, 0);
    little_put(head.length, sizeof head.length, entry->length);
    little_put(head.number, sizeof head.number, (uint64_t)journal->number);
    memcpy(head.boot, journal->boot, sizeof head.boot);
    bytes_clear(text);
    bytes_append(text, &head, sizeof head);
    bytes_append(text, entry->data, entry->length);
    if (!text->failed)
        little_put(text->data, sizeof head.check, entry_check(text->data, text->length));
}

/* Have the file be so big, and some more: the sync of a write that makes it bigger writes more than
 * that. Returns SQLite's code. */
static int journal_grow(struct journal *journal, int64_t size)
{
    static const char zeros[32 << 10];
    if (size <= journal->size)
        return SQLITE_OK;
    int64_t wanted = (size + GROWTH_BYTES - 1) / GROWTH_BYTES * GROWTH_BYTES;
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && journal->size < wanted) {
        int64_t left = wanted - journal->size;
        int length = left < (int64_t)sizeof zeros ? (int)left : (int)sizeof zeros;
        rc = journal->file->pMethods->xWrite(journal->file, zeros, length, journal->size);
        journal->size += length;
    }
    return rc;
}

static int journal_write(struct journal *journal, ferry_error *error)
{
    const struct bytes *text = &journal->text;
    if (text->failed)
        return ferry_error_set(error, FERRY_REJECTED, "no memory");
    int rc = journal_open(journal, error);
    if (rc < 0)
        return rc;
    sqlite3_file *file = journal->file;
    rc = journal_grow(journal, journal->end + (int64_t)text->length);
    if (rc == SQLITE_OK)
        rc = file->pMethods->xWrite(file, text->data, (int)text->length, journal->end);
    if (rc != SQLITE_OK)
        return journal_fail(rc, "cannot be written", error);
    rc = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
    return rc == SQLITE_OK ? 0 : journal_fail(rc, "cannot be synced", error);
}

int journal_append(struct journal *journal, const struct bytes *entry, ferry_error *error)
{
    journal->number++;
    journal_format(journal, entry);
    int rc = journal_write(journal, error);
    if (rc < 0) {
        journal->is_broken = true;
        journal->retry_us = clock_monotonic_us() + RETRY_PAUSE_US;
        journal_close(journal);
        bytes_fini(&journal->text);
        return rc;
    }
    journal->end += (int64_t)journal->text.length;
    return 0;
}

void journal_empty(struct journal *journal)
{
    journal->end = 0;
    if (journal->is_broken)
        journal->is_broken = clock_monotonic_us() < journal->retry_us;
}

/* ---- reading ---- */

static int read_file(struct journal *journal, struct bytes *text, ferry_error *error)
{
    int rc = journal_open(journal, error);
    if (rc < 0)
        return rc;
    int size = journal->size < MAX_BYTES ? (int)journal->size : MAX_BYTES;
    char *data = bytes_extend(text, (size_t)size);
    if (!data)
        return ferry_error_set(error, FERRY_REJECTED, "no memory");
    rc = size > 0 ? journal->file->pMethods->xRead(journal->file, data, size, 0) : SQLITE_OK;
    return rc == SQLITE_OK ? 0 : journal_fail(rc, "cannot be read", error);
}

/* Return the length of the whole entry at a place, of that boot and with that number; 0 for none;
 * number 0: any. */
static size_t entry_length(const struct bytes *text, size_t at, const unsigned char *boot,
                           int64_t number)
{
    if (text->length - at < sizeof(struct entry_head))
        return 0;
    const struct entry_head *head = (const void *)(text->data + at);
    uint64_t length = little_get(head->length, sizeof head->length);
    if (length > text->length - at - sizeof *head ||
        memcmp(head->boot, boot, sizeof head->boot) != 0)
        return 0;
    if (number && (int64_t)little_get(head->number, sizeof head->number) != number)
        return 0;
    size_t whole = sizeof *head + (size_t)length;
    bool is_whole =
        little_get(head->check, sizeof head->check) == entry_check(&text->data[at], whole);
    return is_whole ? whole : 0;
}

static int visit_entries(const struct bytes *text, const unsigned char *boot, int64_t after,
                         journal_visitor *visit, void *arg, ferry_error *error)
{
    int64_t number = 0;
    size_t length;
    int rc = 0;
    for (size_t at = 0; rc == 0 && (length = entry_length(text, at, boot, number)) > 0;
         at += length) {
        const struct entry_head *head = (const void *)(text->data + at);
        number = (int64_t)little_get(head->number, sizeof head->number);
        bool has_gap = at == 0 && number - 1 > after; /* the database is an older one */
        if (has_gap)
            return 0;
        if (number > after) {
            struct bytes entry = {0};
            bytes_append(&entry, text->data + at + sizeof *head, length - sizeof *head);
            rc = entry.failed ? ferry_error_set(error, FERRY_REJECTED, "no memory")
                              : visit(arg, number, &entry, error);
            bytes_fini(&entry);
        }
        number++;
    }
    return rc;
}

int journal_read(struct journal *journal, const unsigned char boot[RANDOM_ID_BYTES], int64_t after,
                 journal_visitor *visit, void *arg, ferry_error *error)
{
    struct bytes text = {0};
    int rc = read_file(journal, &text, error);
    if (rc == 0)
        rc = visit_entries(&text, boot, after, visit, arg, error);
    else
        journal_close(journal);
    bytes_fini(&text);
    return rc;
}

/* ---- life ---- */

struct journal *journal_new(const char *database, const unsigned char boot[RANDOM_ID_BYTES])
{
    struct journal *journal = calloc(1, sizeof *journal);
    if (!journal)
        return NULL;
    memcpy(journal->boot, boot, sizeof journal->boot);
    journal->path = text_printf("%s-arrivals", database);
    if (journal->path)
        return journal;
    journal_free(journal);
    return NULL;
}

void journal_free(struct journal *journal)
{
    if (!journal)
        return;
    journal_close(journal);
    bytes_fini(&journal->text);
    free(journal->path);
    free(journal);
}
