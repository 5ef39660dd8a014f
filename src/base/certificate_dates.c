/* The dates of certificates. Any thread; no state. */
#include "certificate_dates.h"

#include <stdio.h>

#include "libcrypto.h"

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
