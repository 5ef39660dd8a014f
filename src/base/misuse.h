/*
 * What a program must not do and cannot go on after. Any thread.
 */
#ifndef BASE_MISUSE_H
#define BASE_MISUSE_H

/* Say on standard error how a function was called, "outside of a coroutine", and abort. */
_Noreturn void misuse(const char *function, const char *how);

/* One that is missing would be called later and elsewhere, where nobody sees who left it out. */
#define CHECK_FUNCTION(fn) ((fn) ? (void)0 : misuse(__func__, "without a function"))

#endif
