/* What posts.c measures: a loop, and the one way into it from another thread. */
#ifndef POSTS_SIDE_H
#define POSTS_SIDE_H

typedef void side_callback(void *arg);

void side_open(void);
void side_post(side_callback *fn, void *arg); /* any thread */
void side_run(void);                          /* until side_stop */
void side_stop(void);                         /* from a callback */

#endif
