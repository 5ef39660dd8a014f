/*
 * OpenSSL's TLS, and libevent's use of it, loaded with the first TLS context: a server without TLS
 * need not start with them.
 *
 * This header stands in for <openssl/ssl.h> and its like, and for <event2/bufferevent_ssl.h>: the
 * functions have their names and types, and are called through a table. libssl_load comes before
 * any of them; who has a ferry_tls has called it. Any thread.
 */
#ifndef NET_LIBSSL_H
#define NET_LIBSSL_H

#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>

#define LIBSSL_FUNCTIONS(X)                                                                        \
    X(BIO_clear_flags)                                                                             \
    X(BIO_ctrl)                                                                                    \
    X(BIO_free)                                                                                    \
    X(BIO_int_ctrl)                                                                                \
    X(BIO_meth_free)                                                                               \
    X(BIO_meth_get_create)                                                                         \
    X(BIO_meth_get_ctrl)                                                                           \
    X(BIO_meth_get_destroy)                                                                        \
    X(BIO_meth_get_read)                                                                           \
    X(BIO_meth_new)                                                                                \
    X(BIO_meth_set_create)                                                                         \
    X(BIO_meth_set_ctrl)                                                                           \
    X(BIO_meth_set_destroy)                                                                        \
    X(BIO_meth_set_read)                                                                           \
    X(BIO_meth_set_write)                                                                          \
    X(BIO_new)                                                                                     \
    X(BIO_number_written)                                                                          \
    X(BIO_s_mem)                                                                                   \
    X(BIO_s_socket)                                                                                \
    X(BIO_set_flags)                                                                               \
    X(BIO_sock_should_retry)                                                                       \
    X(BIO_write)                                                                                   \
    X(ERR_clear_error)                                                                             \
    X(ERR_peek_last_error)                                                                         \
    X(ERR_reason_error_string)                                                                     \
    X(SSL_CTX_check_private_key)                                                                   \
    X(SSL_CTX_ctrl)                                                                                \
    X(SSL_CTX_free)                                                                                \
    X(SSL_CTX_load_verify_locations)                                                               \
    X(SSL_CTX_new)                                                                                 \
    X(SSL_CTX_set_alpn_select_cb)                                                                  \
    X(SSL_CTX_set_cipher_list)                                                                     \
    X(SSL_CTX_set_default_passwd_cb)                                                               \
    X(SSL_CTX_set_default_verify_paths)                                                            \
    X(SSL_CTX_set_options)                                                                         \
    X(SSL_CTX_set_session_id_context)                                                              \
    X(SSL_CTX_set_verify)                                                                          \
    X(SSL_CTX_use_PrivateKey_file)                                                                 \
    X(SSL_CTX_use_certificate_chain_file)                                                          \
    X(SSL_ctrl)                                                                                    \
    X(SSL_free)                                                                                    \
    X(SSL_get0_param)                                                                              \
    X(SSL_get1_peer_certificate)                                                                   \
    X(SSL_get_error)                                                                               \
    X(SSL_get_ex_data)                                                                             \
    X(SSL_get_shutdown)                                                                            \
    X(SSL_get_verify_mode)                                                                         \
    X(SSL_get_verify_result)                                                                       \
    X(SSL_get_wbio)                                                                                \
    X(SSL_is_init_finished)                                                                        \
    X(SSL_new)                                                                                     \
    X(SSL_read_ex)                                                                                 \
    X(SSL_set1_host)                                                                               \
    X(SSL_set_accept_state)                                                                        \
    X(SSL_set_bio)                                                                                 \
    X(SSL_set_ex_data)                                                                             \
    X(SSL_set_hostflags)                                                                           \
    X(SSL_shutdown)                                                                                \
    X(SSL_write_ex)                                                                                \
    X(TLS_client_method)                                                                           \
    X(TLS_server_method)                                                                           \
    X(X509_NAME_print_ex)                                                                          \
    X(X509_VERIFY_PARAM_set1_ip_asc)                                                               \
    X(X509_free)                                                                                   \
    X(X509_get_subject_name)                                                                       \
    X(X509_verify_cert_error_string)                                                               \
    X(bufferevent_get_openssl_error)                                                               \
    X(bufferevent_openssl_get_ssl)                                                                 \
    X(bufferevent_openssl_socket_new)

#define LIBSSL_MEMBER(name) __typeof__(name) *name##_;
struct libssl {
    LIBSSL_FUNCTIONS(LIBSSL_MEMBER)
};
#undef LIBSSL_MEMBER

/* Nothing but NULL before libssl_load, and not changed after it. */
extern struct libssl libssl;

/* Load them, if they are not. Returns NULL, or what is wrong, in the dynamic loader's text, which
 * is good until this thread's next use of it; the next call tries again. */
const char *libssl_load(void);

/* Tell whether they are: if not, nothing does TLS yet. */
bool libssl_is_loaded(void);

#define BIO_clear_flags                    libssl.BIO_clear_flags_
#define BIO_ctrl                           libssl.BIO_ctrl_
#define BIO_free                           libssl.BIO_free_
#define BIO_int_ctrl                       libssl.BIO_int_ctrl_
#define BIO_meth_free                      libssl.BIO_meth_free_
#define BIO_meth_get_create                libssl.BIO_meth_get_create_
#define BIO_meth_get_ctrl                  libssl.BIO_meth_get_ctrl_
#define BIO_meth_get_destroy               libssl.BIO_meth_get_destroy_
#define BIO_meth_get_read                  libssl.BIO_meth_get_read_
#define BIO_meth_new                       libssl.BIO_meth_new_
#define BIO_meth_set_create                libssl.BIO_meth_set_create_
#define BIO_meth_set_ctrl                  libssl.BIO_meth_set_ctrl_
#define BIO_meth_set_destroy               libssl.BIO_meth_set_destroy_
#define BIO_meth_set_read                  libssl.BIO_meth_set_read_
#define BIO_meth_set_write                 libssl.BIO_meth_set_write_
#define BIO_new                            libssl.BIO_new_
#define BIO_number_written                 libssl.BIO_number_written_
#define BIO_s_mem                          libssl.BIO_s_mem_
#define BIO_s_socket                       libssl.BIO_s_socket_
#define BIO_set_flags                      libssl.BIO_set_flags_
#define BIO_sock_should_retry              libssl.BIO_sock_should_retry_
#define BIO_write                          libssl.BIO_write_
#define ERR_clear_error                    libssl.ERR_clear_error_
#define ERR_peek_last_error                libssl.ERR_peek_last_error_
#define ERR_reason_error_string            libssl.ERR_reason_error_string_
#define SSL_CTX_check_private_key          libssl.SSL_CTX_check_private_key_
#define SSL_CTX_ctrl                       libssl.SSL_CTX_ctrl_
#define SSL_CTX_free                       libssl.SSL_CTX_free_
#define SSL_CTX_load_verify_locations      libssl.SSL_CTX_load_verify_locations_
#define SSL_CTX_new                        libssl.SSL_CTX_new_
#define SSL_CTX_set_alpn_select_cb         libssl.SSL_CTX_set_alpn_select_cb_
#define SSL_CTX_set_cipher_list            libssl.SSL_CTX_set_cipher_list_
#define SSL_CTX_set_default_passwd_cb      libssl.SSL_CTX_set_default_passwd_cb_
#define SSL_CTX_set_default_verify_paths   libssl.SSL_CTX_set_default_verify_paths_
#define SSL_CTX_set_options                libssl.SSL_CTX_set_options_
#define SSL_CTX_set_session_id_context     libssl.SSL_CTX_set_session_id_context_
#define SSL_CTX_set_verify                 libssl.SSL_CTX_set_verify_
#define SSL_CTX_use_PrivateKey_file        libssl.SSL_CTX_use_PrivateKey_file_
#define SSL_CTX_use_certificate_chain_file libssl.SSL_CTX_use_certificate_chain_file_
#define SSL_ctrl                           libssl.SSL_ctrl_
#define SSL_free                           libssl.SSL_free_
#define SSL_get0_param                     libssl.SSL_get0_param_
#define SSL_get1_peer_certificate          libssl.SSL_get1_peer_certificate_
#define SSL_get_error                      libssl.SSL_get_error_
#define SSL_get_ex_data                    libssl.SSL_get_ex_data_
#define SSL_get_shutdown                   libssl.SSL_get_shutdown_
#define SSL_get_verify_mode                libssl.SSL_get_verify_mode_
#define SSL_get_verify_result              libssl.SSL_get_verify_result_
#define SSL_get_wbio                       libssl.SSL_get_wbio_
#define SSL_is_init_finished               libssl.SSL_is_init_finished_
#define SSL_new                            libssl.SSL_new_
#define SSL_read_ex                        libssl.SSL_read_ex_
#define SSL_set1_host                      libssl.SSL_set1_host_
#define SSL_set_accept_state               libssl.SSL_set_accept_state_
#define SSL_set_bio                        libssl.SSL_set_bio_
#define SSL_set_ex_data                    libssl.SSL_set_ex_data_
#define SSL_set_hostflags                  libssl.SSL_set_hostflags_
#define SSL_shutdown                       libssl.SSL_shutdown_
#define SSL_write_ex                       libssl.SSL_write_ex_
#define TLS_client_method                  libssl.TLS_client_method_
#define TLS_server_method                  libssl.TLS_server_method_
#define X509_NAME_print_ex                 libssl.X509_NAME_print_ex_
#define X509_VERIFY_PARAM_set1_ip_asc      libssl.X509_VERIFY_PARAM_set1_ip_asc_
#define X509_free                          libssl.X509_free_
#define X509_get_subject_name              libssl.X509_get_subject_name_
#define X509_verify_cert_error_string      libssl.X509_verify_cert_error_string_
#define bufferevent_get_openssl_error      libssl.bufferevent_get_openssl_error_
#define bufferevent_openssl_get_ssl        libssl.bufferevent_openssl_get_ssl_
#define bufferevent_openssl_socket_new     libssl.bufferevent_openssl_socket_new_

#endif
