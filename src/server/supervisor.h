/* What a supervisor is told, as sd_notify(3) has it: nothing where $NOTIFY_SOCKET is not set. */
#ifndef SERVER_SUPERVISOR_H
#define SERVER_SUPERVISOR_H

enum supervisor_news { SERVER_READY, SERVER_RELOADING, SERVER_STOPPING };

/* Any thread. Does not block: news that the supervisor does not take is lost. */
void supervisor_tell(enum supervisor_news news);

#endif
