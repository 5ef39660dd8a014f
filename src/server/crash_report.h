/*
 * What the server says on standard error when a signal ends it: which one, where, and which calls
 * were in flight. Then the signal does what it does without this: a core dump, and its status.
 */
#ifndef SERVER_CRASH_REPORT_H
#define SERVER_CRASH_REPORT_H

/* Report SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT from now on, and make an abort of an exit()
 * that a worker calls. In a build with a sanitizer, which has reports of its own, only with
 * FERRY_CRASH_REPORT=1. Main thread, before the others start. */
void crash_report_install(void);

#endif
