/*
 * TLS on bufferevents without a socket. Loop thread; no state of its own.
 *
 * There is no way from here to plain text: a bufferevent that exists does TLS, or nothing.
 */
#include "tls_socket.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

struct bufferevent *tls_socket_new(ferry_loop *loop, ferry_tls *tls, const char *protocol)
{
    SSL *ssl = tls_connection_new(tls, NULL);
    if (!ssl)
        return NULL;
    SSL_set_app_data(ssl, (char *)protocol);
    return bufferevent_openssl_socket_new(loop_event_base(loop), -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                          BEV_OPT_CLOSE_ON_FREE);
}

void tls_socket_say_end(struct bufferevent *bev)
{
    SSL *ssl = bufferevent_openssl_get_ssl(bev);
    if (SSL_is_init_finished(ssl) && !(SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN))
        SSL_shutdown(ssl);
    ERR_clear_error();
}

/* The text of a name; control bytes and what is not ASCII are escaped. */
static char *name_text(const X509_NAME *name)
{
    char *text = NULL, *data;
    BIO *out = BIO_new(BIO_s_mem());
    if (out && X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253) >= 0 &&
        BIO_write(out, "", 1) == 1 && BIO_get_mem_data(out, &data) > 1)
        text = strdup(data);
    BIO_free(out);
    return text;
}

char *tls_socket_peer_subject(struct bufferevent *bev)
{
    SSL *ssl = bufferevent_openssl_get_ssl(bev);
    X509 *certificate = SSL_get1_peer_certificate(ssl);
    if (!certificate)
        return NULL;
    char *text = SSL_get_verify_result(ssl) == X509_V_OK
                     ? name_text(X509_get_subject_name(certificate))
                     : NULL;
    X509_free(certificate);
    ERR_clear_error();
    return text;
}
