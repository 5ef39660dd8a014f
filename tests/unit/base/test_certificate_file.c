/* The dates of a certificate: past, present, future; and of what is none. */
#include "certificate_file.h"

#include "support.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is said of a certificate that is good from so many seconds from now on until so many. */
static const char *said_of(long from, long until)
{
    char path[] = "/tmp/ferry-dates-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *out = fdopen(fd, "w");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(certificate), from);
    X509_gmtime_adj(X509_getm_notAfter(certificate), until);
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    PEM_write_X509(out, certificate);
    fclose(out);
    X509_free(certificate);
    EVP_PKEY_free(key);
    const char *said = certificate_is_out_of_date(path);
    unlink(path);
    return said;
}

static void one_is_good_between_its_dates(void **state)
{
    (void)state;
    assert_null(said_of(-3600, 3600));
    assert_string_equal(said_of(-7200, -3600), "has expired");
    assert_string_equal(said_of(3600, 7200), "is not valid yet");
}

static void of_what_is_no_certificate_nothing_is_said(void **state)
{
    (void)state;
    assert_null(certificate_is_out_of_date("/dev/null"));
    assert_null(certificate_is_out_of_date("/nowhere"));
}

static void a_file_has_some_or_not(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "-----BEGIN CERTIFICATE-----\nMIIB\n",
        "# mine\n-----BEGIN TRUSTED CERTIFICATE-----\n",
        "",
        "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        char path[] = "/tmp/ferry-ca-XXXXXX";
        int fd = mkstemp(path);
        ssize_t length = (ssize_t)strlen(texts[i]);
        assert_int_equal(write(fd, texts[i], (size_t)length), length);
        close(fd);
        assert_int_equal(certificate_file_check(path, NULL), i < 2 ? 0 : FERRY_INVALID);
        unlink(path);
    }
    assert_int_equal(certificate_file_check("/nowhere", NULL), FERRY_NOT_FOUND);
    assert_int_equal(certificate_file_check("/tmp", NULL), FERRY_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_good_between_its_dates),
        cmocka_unit_test(of_what_is_no_certificate_nothing_is_said),
        cmocka_unit_test(a_file_has_some_or_not),
    };
    return cmocka_run_group_tests_name("base/certificate_file", tests, NULL, NULL);
}
