/*
 * A workload: random operations on a real store, whose database is on the disk of disk_vfs.h, and
 * the ledger of what its answers promise. A seed repeats it, whatever the threads do: each round of
 * operations is answered before the next one. What is wrong ends the program, with the workload's
 * name. One thread, whose loop it is.
 */
#ifndef TESTS_FAULT_WORKLOAD_H
#define TESTS_FAULT_WORKLOAD_H

#include "chance.h"
#include "ledger.h"
#include "store.h"

enum { WORKLOAD_MAX_ROUND = 8, WORKLOAD_ROUTES = 2 };

extern const char *const workload_routes[WORKLOAD_ROUTES];

struct step {
    union {
        struct operation base;
        struct insert_operation insert;
        struct claim_operation claim;
        struct settle_operation settle;
        struct release_operation release;
        struct change_operation change;
        struct pause_operation pause;
        struct undo_operation undo;
        struct retire_operation retire;
    } operation;
    struct workload *workload;
    struct entry *entry; /* NULL: on no single job */
    struct step *next;   /* of those to write again */
};

/* The first route, as far as the answers tell, and as the store reports it when it opens. */
struct paused {
    bool may_be, must_be, is;
};

struct workload {
    char name[96]; /* what to repeat when it fails */
    struct chance chance;
    struct ledger ledger;
    ferry_loop *loop;
    char folder[64], database[80];
    struct store *store;
    struct paused paused;
    int64_t slot_ms; /* the schedule's last one, as the store reports it */
    int64_t now_ms;
    unsigned biggest_bytes;   /* of an input */
    unsigned after_flood;     /* the power is cut within so many changes; 0: it is not */
    unsigned in_flight;       /* operations */
    unsigned failures;        /* of operations, in this life */
    struct step *write_again; /* as the queue does after a failure */
};

struct workload *workload_new(uint64_t seed);
void workload_free(struct workload *workload);

/* Begin with a database of the first version, with jobs in it, instead of none. */
void workload_start_old(struct workload *workload);

/* Open the store. Returns 0 or a code. */
int workload_open(struct workload *workload);

/* Close it; what ran is taken as interrupted. */
void workload_close(struct workload *workload);

/* Do some operations at a time, and wait for the answers. */
void workload_round(struct workload *workload);

/* Have packs made, one of them opened, and the others retired. */
void workload_use_packs(struct workload *workload);

/* Write what must be written again. Returns whether all of it was. */
bool workload_catch_up(struct workload *workload);

/* Compare the database with the ledger; the store is open and has not been used. */
void workload_check(struct workload *workload);

/* Show that the store works: run every job that waits to its end, and check that none is left. */
void workload_finish(struct workload *workload);

/* Say how often the workloads had to do with packs. Returns whether there was some of it all. */
bool workload_print_packs(void);

/* Say what is wrong, and exit. */
_Noreturn void workload_fail(const struct workload *workload, const char *what, const char *which);

/* ---- for the files of workload*.c ---- */

/* The `done` of each step. */
void workload_answered(struct operation *operation);

const char *workload_route(struct workload *workload);
void workload_wait_for_answers(struct workload *workload);

/* Make a step, and write it; make one that inserts the job of an entry. The others are written. */
struct step *step_new(struct workload *workload, enum operation_kind kind);
void step_write(struct step *step);
struct step *step_insert(struct workload *workload, struct entry *entry, enum job_state state);
void step_settle(struct workload *workload, struct entry *entry, enum job_state state);
void step_change(struct workload *workload, struct entry *entry, enum job_action action);
void step_retire(struct workload *workload, const char *route, unsigned limit);

/* Tell whether an attempt at the job runs, which may be ended. */
bool entry_is_running(const struct entry *entry);

/* Make up a job, for some route, and note that it is not on disk yet. */
struct entry *workload_add_entry(struct workload *workload);
struct entry *workload_add_job(struct workload *workload, const char *route, size_t length);

/* Now and then, look at a job of which the answers say what it is, and list jobs. */
void workload_look(struct workload *workload);
void workload_list(struct workload *workload);

/* Look at those that are asked for, and, for an open store that has not been used, at those that
 * are in packs. */
void workload_look_at_asked(struct workload *workload);
void workload_look_at_packed(struct workload *workload);

/* Have many short jobs come together, most times succeed together, and some deleted or retired. */
void workload_burst(struct workload *workload);

/* A step of workload_check: the packs. */
struct sqlite3;
void workload_check_packs(struct workload *workload, struct sqlite3 *db);

#endif
