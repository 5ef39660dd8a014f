/* What a certificate says of itself. Any thread; no state. */
#ifndef BASE_CERTIFICATE_DATES_H
#define BASE_CERTIFICATE_DATES_H

/* Return what is wrong with the dates of the first certificate of a file in PEM, to be put behind
 * its name: "has expired". NULL: nothing, or it cannot be read. */
const char *certificate_is_out_of_date(const char *path);

#endif
