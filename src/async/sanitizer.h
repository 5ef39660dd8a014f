/*
 * What AddressSanitizer and ThreadSanitizer want to know of stacks that change under them. Without
 * them all of this is nothing.
 */
#ifndef ASYNC_SANITIZER_H
#define ASYNC_SANITIZER_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZER_ADDRESS 1
#elif defined(__SANITIZE_THREAD__)
#define SANITIZER_THREAD 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZER_ADDRESS 1
#elif __has_feature(thread_sanitizer)
#define SANITIZER_THREAD 1
#endif
#endif

#ifdef SANITIZER_ADDRESS
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef SANITIZER_THREAD
#include <sanitizer/tsan_interface.h>
#endif

/* Their frames are several times as large. */
#if defined(SANITIZER_ADDRESS) || defined(SANITIZER_THREAD)
enum { SANITIZER_STACK_FACTOR = 4 };
#else
enum { SANITIZER_STACK_FACTOR = 1 };
#endif

/* Drop what ASan remembers of frames on a stack that is left for good. */
static inline void sanitizer_forget_stack(void *bottom, size_t bytes)
{
#ifdef SANITIZER_ADDRESS
    __asan_unpoison_memory_region(bottom, bytes);
#else
    (void)bottom, (void)bytes;
#endif
}

#endif
