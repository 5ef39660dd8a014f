/*
 * The mailbox: many producers, one consumer.
 *
 * Producers push onto a stack with one compare-and-swap; the consumer takes the whole stack with
 * one exchange and turns it around. Because nothing but "take all" ever pops, a recycled address
 * (ABA) does no harm. Only the push that finds the stack empty writes the wake descriptor: the
 * others know that a wake-up is on its way, because the consumer clears the descriptor before it
 * takes. A drain that leaves some writes it for itself.
 *
 * Closing swaps in a mark that no push replaces, so that a post is either before the close, and
 * dropped by it, or after it, and refused: none is lost between.
 *
 * `posted` is shared; `taken` belongs to the loop.
 */
#include "mailbox.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct mailbox_entry closed_mark;

bool mailbox_init(struct mailbox *mailbox)
{
    atomic_init(&mailbox->posted, NULL);
    mailbox->taken = NULL;
    mailbox->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return mailbox->wake_fd >= 0;
}

bool mailbox_post_behind(struct mailbox *mailbox, struct mailbox_entry *entry)
{
    struct mailbox_entry *head = atomic_load_explicit(&mailbox->posted, memory_order_relaxed);
    while (head && head != &closed_mark) {
        entry->next = head;
        if (atomic_compare_exchange_weak_explicit(&mailbox->posted, &head, entry,
                                                  memory_order_release, memory_order_relaxed))
            return true;
    }
    return false;
}

bool mailbox_post(struct mailbox *mailbox, struct mailbox_entry *entry)
{
    struct mailbox_entry *head = atomic_load_explicit(&mailbox->posted, memory_order_acquire);
    do {
        if (head == &closed_mark) { /* acquired: drop sees all that the loop did before closing */
            entry->drop(entry);
            return false;
        }
        entry->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&mailbox->posted, &head, entry,
                                                    memory_order_release, memory_order_acquire));
    if (!head)
        eventfd_write(mailbox->wake_fd, 1);
    return true;
}

/* Move what was posted behind what was taken before. */
static void mailbox_take(struct mailbox *mailbox, struct mailbox_entry *replacement)
{
    struct mailbox_entry *newest =
        atomic_exchange_explicit(&mailbox->posted, replacement, memory_order_acq_rel);
    struct mailbox_entry *oldest = NULL;
    while (newest && newest != &closed_mark) {
        struct mailbox_entry *older = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = older;
    }
    struct mailbox_entry **end = &mailbox->taken;
    while (*end)
        end = &(*end)->next;
    *end = oldest;
}

static struct mailbox_entry *mailbox_pop(struct mailbox *mailbox)
{
    struct mailbox_entry *entry = mailbox->taken;
    if (entry) {
        mailbox->taken = entry->next;
        __builtin_prefetch(entry->next); /* while this one runs */
    }
    return entry;
}

void mailbox_drain(struct mailbox *mailbox, size_t *budget)
{
    if (!mailbox->taken) {
        eventfd_t ignored;
        eventfd_read(mailbox->wake_fd, &ignored);
        mailbox_take(mailbox, NULL);
    }
    struct mailbox_entry *entry;
    while (*budget > 0 && (entry = mailbox_pop(mailbox))) {
        --*budget;
        entry->run(entry);
    }
    if (mailbox->taken)
        eventfd_write(mailbox->wake_fd, 1);
}

void mailbox_close(struct mailbox *mailbox)
{
    mailbox_take(mailbox, &closed_mark);
    struct mailbox_entry *entry;
    while ((entry = mailbox_pop(mailbox)))
        entry->drop(entry);
}

void mailbox_fini(struct mailbox *mailbox)
{
    close(mailbox->wake_fd);
}
