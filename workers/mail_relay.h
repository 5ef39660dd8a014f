/*
 * A thread's connection to the relay: SMTP by libcurl, which keeps the connection open from one
 * message to the next. One thread at a time.
 */
#ifndef WORKERS_MAIL_RELAY_H
#define WORKERS_MAIL_RELAY_H

#include <ferry/worker.h>

#include "bytes.h"
#include "mail_address.h"
#include "mail_delivery.h"

enum { MAIL_TOKEN_MAX_BYTES = 16 << 10 };

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
    const char *oauth_token_file; /* instead of a password; read for each message */
    const char *ca_file;          /* NULL: the system's */
    enum mail_starttls starttls;
    int64_t timeout_ms; /* of one attempt */
};

struct mail_envelope {
    const struct mail_address *from;
    struct mail_delivery *delivery; /* for those of it who are pending */
    const struct bytes *message;
};

/* Why a message was not handed over. */
struct mail_report {
    int code; /* the relay's reply that ended it; 0: there was none */
    ferry_error error;
};

struct mail_relay;

/* NULL without memory. Connects to nothing yet. libcurl is loaded. */
struct mail_relay *mail_relay_new(const struct mail_relay_options *options);
void mail_relay_free(struct mail_relay *relay);

/*
 * Hand a message over, within the call's deadline, and until the call is cancelled, for which the
 * worker has curl_wake; the answer to a message that is sent may yet come within a second. The call
 * sees its progress. Blocks.
 *
 * Returns 0: every recipient who was pending is now accepted, refused or deferred, with the relay's
 * reply. Else, with the report, FERRY_TRANSIENT (the relay could not be talked to, or wants nothing
 * from us for now), FERRY_CANCELLED or FERRY_INTERNAL; who was refused for good is refused, the
 * others are still pending. After a connection that was lost at the end of the message the relay
 * may have taken it all the same: another attempt carries the same Message-ID.
 */
int mail_relay_send(struct mail_relay *relay, const struct mail_envelope *envelope,
                    ferry_call *call, struct mail_report *report);

#endif
