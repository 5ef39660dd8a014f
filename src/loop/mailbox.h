/*
 * The mailbox: the one way from any thread to the loop.
 *
 * Entries are embedded in what they carry, so that posting allocates nothing and cannot fail for
 * want of memory; it is refused only once the mailbox is closed.
 */
#ifndef LOOP_MAILBOX_H
#define LOOP_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct mailbox_entry {
    struct mailbox_entry *next;
    void (*run)(struct mailbox_entry *entry);  /* loop thread; the entry is its own again */
    void (*drop)(struct mailbox_entry *entry); /* instead of run, when the mailbox was closed */
};

/* What producers write shares its cache line with nothing that the loop uses for each entry. */
struct mailbox {
    char apart_before[64];
    _Atomic(struct mailbox_entry *) posted; /* newest first; any thread pushes */
    char apart_behind[64];
    struct mailbox_entry *taken; /* oldest first; the loop's */
    int wake_fd;                 /* readable when there is something to take */
};

/* Returns whether the system gave a descriptor; errno says why not. */
bool mailbox_init(struct mailbox *mailbox);

/* Close, drop what is inside and every later post. Loop thread. */
void mailbox_close(struct mailbox *mailbox);

/* Free the descriptor; nobody may post any more. */
void mailbox_fini(struct mailbox *mailbox);

/* Post, or drop the entry at once on the calling thread when closed. Returns whether it was
 * posted. Any thread; what keeps the mailbox alive until this returns must not be the entry. */
bool mailbox_post(struct mailbox *mailbox, struct mailbox_entry *entry);

/* Post behind others, which have woken the loop: nothing of the mailbox is touched once the entry
 * is in it, so that the entry may be what keeps it alive. Returns false, and has done nothing,
 * where there are none or the mailbox is closed. Any thread. */
bool mailbox_post_behind(struct mailbox *mailbox, struct mailbox_entry *entry);

/* Run entries in the order of their posting until the budget is used up. Each takes one of it, and
 * may take more, or all, while it runs. If some are left, wake_fd is readable again: they wait for
 * the next turn, as sockets do. Loop thread. */
void mailbox_drain(struct mailbox *mailbox, size_t *budget);

#endif
