/* What the scenarios of like_tornado.c share: the present loop, and how they tell. */
#ifndef LIKE_TORNADO_H
#define LIKE_TORNADO_H

#include <ferry/future.h>

struct scenario {
    const char *name;
    void (*run)(void);
};

#define SCENARIO(function)                                                                         \
    {                                                                                              \
#function, function                                                                        \
    }

/* Each ends with one without a name. */
extern const struct scenario loop_scenarios[], future_scenarios[];

extern ferry_loop *loop; /* of the present scenario; one that frees it sets it to NULL */

/* Print an event of the present scenario. */
void say(const char *format, ...) FERRY_PRINTF(1, 2);

/* Post a callback that says the text. */
void add_say(const char *text);

/* A ferry_callback: stop the loop. */
void stop(void *arg);

#endif
