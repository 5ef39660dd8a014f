/*
 * The entries in memory. `open` and `row_now` count the places in those states, so that each change
 * of a place's state is made here.
 */
#include "arrival_groups.h"

enum {
    MANY_JOBS = 1024, /* get their rows in one transaction */
    MAX_GROUPS = 256, /* then the older half gets its rows, whether the jobs have ended or not */
};

static unsigned count_open(const struct arrival_group *group)
{
    unsigned open = 0;
    for (unsigned i = 0; i < group->count; i++)
        open += group->places[i].state == ARRIVAL_OPEN;
    return open;
}

void arrival_groups_add(struct arrival_groups *groups, struct arrival_group *group)
{
    group->older = groups->newest;
    group->newer = NULL;
    *(groups->newest ? &groups->newest->newer : &groups->oldest) = group;
    groups->newest = group;
    groups->count++;
    groups->open += count_open(group);
}

int64_t arrival_groups_last_job(const struct arrival_groups *groups)
{
    const struct arrival_group *group = groups->newest;
    while (group && group->count == 0)
        group = group->older;
    return group ? group->places[group->count - 1].key.job : 0;
}

int arrival_groups_find_rows(struct arrival_groups *groups, struct statements *statements,
                             ferry_error *error)
{
    int rc = 0;
    for (struct arrival_group *at = groups->oldest; rc == 0 && at; at = at->newer) {
        groups->open -= count_open(at);
        rc = arrival_group_find_rows(statements, at, error);
        groups->open += count_open(at);
    }
    return rc;
}

static void remove_oldest(struct arrival_groups *groups)
{
    struct arrival_group *group = groups->oldest;
    for (unsigned i = 0; i < group->count; i++) {
        groups->open -= group->places[i].state == ARRIVAL_OPEN;
        groups->row_now -= group->places[i].state == ARRIVAL_ROW_NOW;
    }
    groups->oldest = group->newer;
    *(group->newer ? &group->newer->older : &groups->newest) = NULL;
    groups->count--;
    arrival_group_free(group);
}

void arrival_groups_remove(struct arrival_groups *groups, const struct arrival_group *last)
{
    bool is_last = false;
    while (groups->oldest && !is_last) {
        is_last = groups->oldest == last;
        remove_oldest(groups);
    }
}

/* Most ends are of jobs that came just before. */
struct arrival_place *arrival_groups_find(const struct arrival_groups *groups,
                                          const struct claim_key *key, struct arrival_group **group)
{
    for (*group = groups->newest; *group; *group = (*group)->older) {
        struct arrival_place *place = arrival_group_find(*group, key);
        if (place)
            return place;
    }
    return NULL;
}

/* ---- states ---- */

void arrival_groups_end(struct arrival_groups *groups, struct arrival_place *place,
                        const struct arrival_group *end_in, size_t end_at)
{
    place->state = ARRIVAL_ENDED;
    place->end_in = end_in;
    place->end_at = end_at;
    groups->open--;
}

void arrival_groups_give_row(struct arrival_groups *groups, struct arrival_place *place)
{
    place->state = ARRIVAL_ROW_NOW;
    groups->open--;
    groups->row_now++;
}

/* Those who are in a state get into another one, if they have ended in that group (NULL: all). */
static void places_move(struct arrival_groups *groups, enum arrival_state from,
                        enum arrival_state to, const struct arrival_group *end_in)
{
    for (struct arrival_group *at = groups->oldest; at; at = at->newer) {
        for (unsigned i = 0; i < at->count; i++) {
            struct arrival_place *place = &at->places[i];
            if (place->state != from || (end_in && place->end_in != end_in))
                continue;
            place->state = to;
            groups->open += to == ARRIVAL_OPEN;
        }
    }
}

void arrival_groups_reopen(struct arrival_groups *groups, const struct arrival_group *end_in)
{
    places_move(groups, ARRIVAL_ENDED, ARRIVAL_OPEN, end_in);
}

void arrival_groups_end_rows(struct arrival_groups *groups, enum arrival_state state)
{
    if (groups->row_now > 0)
        places_move(groups, ARRIVAL_ROW_NOW, state, NULL);
    groups->row_now = 0;
}

/* ---- those that are old ---- */

const struct arrival_group *arrival_groups_old(const struct arrival_groups *groups)
{
    const struct arrival_group *last = NULL;
    unsigned jobs = 0;
    for (const struct arrival_group *at = groups->oldest; at && count_open(at) == 0;
         at = at->newer) {
        jobs += at->count;
        last = at;
    }
    if (groups->count < MAX_GROUPS)
        return jobs < MANY_JOBS ? NULL : last;
    last = groups->oldest;
    for (unsigned i = 1; i < MAX_GROUPS / 2; i++)
        last = last->newer;
    return last;
}
