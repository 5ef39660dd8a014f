/*
 * What a disk makes of writes. The changes since the last sync are kept as they came, so that a
 * sector may survive in any of its versions in between. Bytes that no write has touched never
 * change: SQLite is told so (power-safe overwrite), as on the real file system.
 */
#include "platter.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct platter_change {
    struct platter_change *next;
    bool is_resize; /* to `offset` */
    size_t offset, length;
    unsigned char data[];
};

/* ---- content ---- */

static void content_reserve(struct content *content, size_t size)
{
    if (size <= content->capacity)
        return;
    content->capacity = size + size / 2;
    content->data = realloc(content->data, content->capacity);
    if (!content->data)
        abort();
}

static void content_resize(struct content *content, size_t size)
{
    content_reserve(content, size);
    if (size > content->size)
        memset(content->data + content->size, 0, size - content->size);
    content->size = size;
}

static void content_write(struct content *content, const void *data, size_t length, size_t offset)
{
    if (offset + length > content->size)
        content_resize(content, offset + length);
    if (length > 0)
        memcpy(content->data + offset, data, length);
}

static void content_copy(struct content *to, const struct content *from)
{
    to->size = 0;
    content_write(to, from->data, from->size, 0);
}

/* ---- a file ---- */

void platter_init(struct platter *platter)
{
    *platter = (struct platter){0};
    platter->end = &platter->changes;
}

static void platter_forget_changes(struct platter *platter)
{
    while (platter->changes) {
        struct platter_change *change = platter->changes;
        platter->changes = change->next;
        free(change);
    }
    platter->end = &platter->changes;
}

void platter_fini(struct platter *platter)
{
    platter_forget_changes(platter);
    free(platter->synced.data);
    free(platter->current.data);
}

static struct platter_change *platter_note(struct platter *platter, size_t offset, size_t length)
{
    struct platter_change *change = calloc(1, sizeof *change + length);
    if (!change)
        abort();
    change->offset = offset;
    change->length = length;
    *platter->end = change;
    platter->end = &change->next;
    return change;
}

size_t platter_read(const struct platter *platter, void *data, size_t length, size_t offset)
{
    if (offset >= platter->current.size)
        return 0;
    size_t there = platter->current.size - offset;
    size_t count = there < length ? there : length;
    memcpy(data, platter->current.data + offset, count);
    return count;
}

void platter_write(struct platter *platter, const void *data, size_t length, size_t offset)
{
    memcpy(platter_note(platter, offset, length)->data, data, length);
    content_write(&platter->current, data, length, offset);
}

void platter_resize(struct platter *platter, size_t size)
{
    platter_note(platter, size, 0)->is_resize = true;
    content_resize(&platter->current, size);
}

void platter_sync(struct platter *platter)
{
    for (const struct platter_change *at = platter->changes; at; at = at->next) {
        if (at->is_resize)
            content_resize(&platter->synced, at->offset);
        else
            content_write(&platter->synced, at->data, at->length, at->offset);
    }
    platter_forget_changes(platter);
}

void platter_lose(struct platter *platter)
{
    platter_forget_changes(platter);
}

/* ---- a cut of the power ---- */

static void noise(unsigned char *data, size_t length, struct chance *chance)
{
    for (size_t i = 0; i < length; i++)
        data[i] = (unsigned char)chance_next(chance);
}

/* A part of a write that lies in one sector: it is there, or its head is, or nothing of it. A file
 * may have grown all the same, with zeros or with whatever was on those sectors before. */
static void sector_survive(struct content *content, const unsigned char *data, size_t length,
                           size_t offset, struct survival survival, struct chance *chance)
{
    if (chance_of(chance, survival.percent)) {
        content_write(content, data, length, offset);
        return;
    }
    unsigned fate = chance_below(chance, 4);
    if (fate == 0)
        content_write(content, data, chance_below(chance, (unsigned)length), offset);
    size_t old_size = content->size, end = offset + length;
    if (fate < 2 || end <= old_size)
        return;
    content_resize(content, end);
    size_t grown_from = offset > old_size ? offset : old_size;
    if (fate == 2)
        noise(content->data + grown_from, end - grown_from, chance);
}

static void write_survive(struct content *content, const struct platter_change *change,
                          struct survival survival, struct chance *chance)
{
    size_t done = 0;
    while (done < change->length) {
        size_t at = change->offset + done;
        size_t length = survival.sector - at % survival.sector;
        if (length > change->length - done)
            length = change->length - done;
        sector_survive(content, change->data + done, length, at, survival, chance);
        done += length;
    }
}

void platter_cut_power(struct platter *platter, struct survival survival, struct chance *chance)
{
    for (const struct platter_change *at = platter->changes; at; at = at->next) {
        if (!at->is_resize)
            write_survive(&platter->synced, at, survival, chance);
        else if (chance_of(chance, survival.percent))
            content_resize(&platter->synced, at->offset);
    }
    platter_forget_changes(platter);
    content_copy(&platter->current, &platter->synced);
}
