/* What the config says about a mailer; email.c's opening comment shows the keys. */
#ifndef WORKERS_MAIL_SETTINGS_H
#define WORKERS_MAIL_SETTINGS_H

#include <ferry/worker.h>

#include "mail_address.h"
#include "mail_relay.h"

struct mail_settings {
    struct mail_address from;
    struct mail_relay_options relay; /* url NULL: the outbox */
    char *password;
    char *outbox;
    const char *templates;    /* NULL: none */
    int64_t greylist_wait_ms; /* after 450 and 451 */
    int64_t pause_ms;         /* of the route after 421 */
    int64_t login_pause_ms;   /* of the route while the relay does not let us in */
};

/* Read and check them; what is wrong is reported to `settings`. Returns 0 or FERRY_INTERNAL. They
 * are to be freed in either case. */
int mail_settings_read(struct mail_settings *mail, ferry_settings *settings);
void mail_settings_fini(struct mail_settings *mail);

#endif
