/* The list of built-in workers, in the order in which `ferry` names them. */
#include "builtin.h"

extern const ferry_worker ferry_worker_noop;
extern const ferry_worker ferry_worker_echo;
extern const ferry_worker ferry_worker_sleep;
extern const ferry_worker ferry_worker_exec;
extern const ferry_worker ferry_worker_fetch;
extern const ferry_worker ferry_worker_email;
extern const ferry_worker ferry_worker_sms;
extern const ferry_worker ferry_worker_webhook;

const ferry_worker *const builtin_workers[] = {
    &ferry_worker_noop, &ferry_worker_echo,    &ferry_worker_sleep,
    &ferry_worker_exec, &ferry_worker_fetch,   &ferry_worker_email,
    &ferry_worker_sms,  &ferry_worker_webhook, NULL,
};
