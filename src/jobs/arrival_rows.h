/*
 * The rows that jobs of the journal get, in the writer's transaction and on its thread. Functions
 * return 0 or a code.
 *
 * Many are written at a time. When the database refuses one of them, and the transaction with it,
 * each is written alone in the next one, and what is refused then is set aside: where its number
 * is another job's by now, it gets another one, and is dead if it was running. Where its id has a
 * row, that row is it. Either can only be so if somebody else has written into the database.
 */
#ifndef JOBS_ARRIVAL_ROWS_H
#define JOBS_ARRIVAL_ROWS_H

#include "arrival_group.h"
#include "packs.h"

/* Give an open job the row and the input that it would have had from the start. */
int arrival_row_give(struct statements *statements, const struct arrival_group *group,
                     const struct arrival_place *place, ferry_error *error);

/* Give each job of a group that has none its row, or its place in a pack. What is left in `packing`
 * is to be written with the next group's, or by packing_end. */
int arrival_rows_give(struct statements *statements, const struct arrival_group *group,
                      struct packing *packing, ferry_error *error);

/* The same, one by one: what the database refuses is set aside, and what fails leaves no part of a
 * row in the transaction. */
int arrival_row_give_alone(struct statements *statements, const struct arrival_group *group,
                           const struct arrival_place *place, ferry_error *error);
int arrival_rows_give_alone(struct statements *statements, const struct arrival_group *group,
                            ferry_error *error);

#endif
