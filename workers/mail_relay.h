/*
 * A thread's connection to the relay: SMTP by libcurl, which keeps the connection open from one
 * message to the next. One thread at a time.
 */
#ifndef WORKERS_MAIL_RELAY_H
#define WORKERS_MAIL_RELAY_H

#include <ferry/worker.h>

#include "bytes.h"
#include "mail_address.h"

enum mail_starttls {
    MAIL_STARTTLS_NONE,
    MAIL_STARTTLS_TRY,     /* encrypt if the relay offers it, to whoever answers */
    MAIL_STARTTLS_REQUIRE, /* encrypt, to a relay that proves its name, or fail */
};

/* Nothing in it is owned; it outlives the relay made with it. */
struct mail_relay_options {
    const char *url; /* smtp://HOST[:PORT][/EHLO-NAME] or smtps://... */
    const char *username;
    const char *password;
    const char *ca_file; /* NULL: the system's */
    enum mail_starttls starttls;
    int64_t timeout_ms; /* of one attempt */
};

struct mail_envelope {
    const struct mail_address *from;
    const struct mail_address *recipients;
    size_t recipient_count;
    const struct bytes *message;
};

struct mail_relay;

/* Prepare libcurl; before the first relay. Returns 0 or FERRY_INTERNAL. Any thread. */
int mail_relay_init(void);

/* NULL without memory. Connects to nothing yet. */
struct mail_relay *mail_relay_new(const struct mail_relay_options *options);
void mail_relay_free(struct mail_relay *relay);

/*
 * Hand a message over, within the call's deadline, and until the call is cancelled. Blocks.
 * Returns 0: the relay has taken responsibility for every recipient. Else, with `error`:
 * FERRY_UNPROCESSABLE it refused this message for good; FERRY_TRANSIENT it refused for now, or
 * could not be talked to; FERRY_CANCELLED. After a connection that was lost at the end of the
 * message it may have taken it all the same: another attempt carries the same Message-ID.
 */
int mail_relay_send(struct mail_relay *relay, const struct mail_envelope *envelope,
                    const ferry_call *call, ferry_error *error);

#endif
