/* What files of certificates say at once. Any thread; no state. */
#include "certificate_file.h"

#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "libcrypto.h"

enum { FILE_BYTES_MAX = 64 << 20 };

static X509 *read_first(const char *path)
{
    FILE *file = libcrypto_load() ? fopen(path, "re") : NULL;
    X509 *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    if (file)
        fclose(file);
    return certificate;
}

const char *certificate_is_out_of_date(const char *path)
{
    X509 *certificate = read_first(path);
    if (!certificate)
        return NULL;
    const char *what = NULL;
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
        what = "has expired";
    else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
        what = "is not valid yet";
    X509_free(certificate);
    return what;
}

int certificate_file_check(const char *path, ferry_error *error)
{
    struct bytes text = {0};
    int rc = bytes_read_file(&text, path, FILE_BYTES_MAX, error);
    /* "-----BEGIN CERTIFICATE-----", with a word more for some kinds */
    if (rc == 0 && !strstr(bytes_text(&text), "CERTIFICATE-----"))
        rc = ferry_error_set(error, FERRY_INVALID, "%s: there is no certificate in it", path);
    bytes_fini(&text);
    return rc;
}
