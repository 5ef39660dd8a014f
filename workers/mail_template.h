/*
 * Messages from a folder of templates: for one named "welcome" the files welcome.subject.txt,
 * welcome.txt and welcome.html, of which the subject and one of the others must be there. They are
 * read at each use, so that an edit works at once.
 */
#ifndef WORKERS_MAIL_TEMPLATE_H
#define WORKERS_MAIL_TEMPLATE_H

#include <jansson.h>

#include <ferry/error.h>

#include "bytes.h"

/* A message's words, filled in. */
struct mail_words {
    struct bytes subject;
    struct bytes text;
    struct bytes html; /* values in it are escaped */
    bool has_text;
    bool has_html;
};

/* Fill in the template of this name with `data` (an object or NULL). Returns 0, or with `error`
 * FERRY_INVALID, FERRY_TOO_LARGE, FERRY_TRANSIENT (a file that cannot be read), FERRY_INTERNAL. The
 * words are to be freed in either case. Blocks on the disk. */
int mail_template_fill(struct mail_words *words, const char *folder, const char *name,
                       const json_t *data, ferry_error *error);
void mail_words_fini(struct mail_words *words);

#endif
