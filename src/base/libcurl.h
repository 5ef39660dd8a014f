/*
 * libcurl, loaded when it is first needed: it brings thirty libraries along, which every start
 * would pay for in milliseconds and megabytes, whether anything is fetched or mailed or not.
 *
 * This header stands in for <curl/curl.h>: libcurl's functions have their names and types, and are
 * called through a table. libcurl_load comes before any of them. Any thread.
 */
#ifndef BASE_LIBCURL_H
#define BASE_LIBCURL_H

#define CURL_DISABLE_TYPECHECK /* its macros call libcurl by name */
#include <curl/curl.h>

#define LIBCURL_FUNCTIONS(X)                                                                       \
    X(curl_easy_cleanup)                                                                           \
    X(curl_easy_getinfo)                                                                           \
    X(curl_easy_header)                                                                            \
    X(curl_easy_init)                                                                              \
    X(curl_easy_nextheader)                                                                        \
    X(curl_easy_perform)                                                                           \
    X(curl_easy_reset)                                                                             \
    X(curl_easy_setopt)                                                                            \
    X(curl_easy_strerror)                                                                          \
    X(curl_free)                                                                                   \
    X(curl_global_init)                                                                            \
    X(curl_multi_add_handle)                                                                       \
    X(curl_multi_assign)                                                                           \
    X(curl_multi_cleanup)                                                                          \
    X(curl_multi_info_read)                                                                        \
    X(curl_multi_init)                                                                             \
    X(curl_multi_perform)                                                                          \
    X(curl_multi_poll)                                                                             \
    X(curl_multi_remove_handle)                                                                    \
    X(curl_multi_setopt)                                                                           \
    X(curl_multi_socket_action)                                                                    \
    X(curl_multi_wakeup)                                                                           \
    X(curl_slist_append)                                                                           \
    X(curl_slist_free_all)                                                                         \
    X(curl_url)                                                                                    \
    X(curl_url_cleanup)                                                                            \
    X(curl_url_get)                                                                                \
    X(curl_url_set)                                                                                \
    X(curl_url_strerror)                                                                           \
    X(curl_version_info)

#define LIBCURL_MEMBER(name) __typeof__(name) *name##_;
struct libcurl {
    LIBCURL_FUNCTIONS(LIBCURL_MEMBER)
};
#undef LIBCURL_MEMBER

/* Nothing but NULL before libcurl_load, and not changed after it. */
extern struct libcurl libcurl;

/* Load libcurl and make it ready, if it is not. Returns NULL, or what is wrong, in static text or
 * in the dynamic loader's, which is good until this thread's next use of it; the next call tries
 * again. */
const char *libcurl_load(void);

#define curl_easy_cleanup libcurl.curl_easy_cleanup_
#undef curl_easy_getinfo
#define curl_easy_getinfo    libcurl.curl_easy_getinfo_
#define curl_easy_header     libcurl.curl_easy_header_
#define curl_easy_init       libcurl.curl_easy_init_
#define curl_easy_nextheader libcurl.curl_easy_nextheader_
#define curl_easy_perform    libcurl.curl_easy_perform_
#define curl_easy_reset      libcurl.curl_easy_reset_
#undef curl_easy_setopt
#define curl_easy_setopt         libcurl.curl_easy_setopt_
#define curl_easy_strerror       libcurl.curl_easy_strerror_
#define curl_free                libcurl.curl_free_
#define curl_global_init         libcurl.curl_global_init_
#define curl_multi_add_handle    libcurl.curl_multi_add_handle_
#define curl_multi_assign        libcurl.curl_multi_assign_
#define curl_multi_cleanup       libcurl.curl_multi_cleanup_
#define curl_multi_info_read     libcurl.curl_multi_info_read_
#define curl_multi_init          libcurl.curl_multi_init_
#define curl_multi_perform       libcurl.curl_multi_perform_
#define curl_multi_poll          libcurl.curl_multi_poll_
#define curl_multi_remove_handle libcurl.curl_multi_remove_handle_
#undef curl_multi_setopt
#define curl_multi_setopt        libcurl.curl_multi_setopt_
#define curl_multi_socket_action libcurl.curl_multi_socket_action_
#define curl_multi_wakeup        libcurl.curl_multi_wakeup_
#define curl_slist_append        libcurl.curl_slist_append_
#define curl_slist_free_all      libcurl.curl_slist_free_all_
#define curl_url                 libcurl.curl_url_
#define curl_url_cleanup         libcurl.curl_url_cleanup_
#define curl_url_get             libcurl.curl_url_get_
#define curl_url_set             libcurl.curl_url_set_
#define curl_url_strerror        libcurl.curl_url_strerror_
#define curl_version_info        libcurl.curl_version_info_

#endif
