/*
 * Filling in the three files of a template. A name is a word, so that no request reaches a file
 * outside of the folder. Any thread; nothing is shared.
 */
#include "mail_template.h"

#include <stdlib.h>
#include <string.h>

#include "template.h"

enum { NAME_MAX_CHARS = 100, FILE_MAX_BYTES = 256 << 10, FILLED_MAX_BYTES = 8 << 20 };

static bool is_template_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= NAME_MAX_CHARS && name[0] != '.' &&
           !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "0123456789-_.")];
}

/* Mail is UTF-8, and its text ends at a NUL. */
static bool is_utf8_text(const struct bytes *text)
{
    for (size_t i = 0; i < text->length;) {
        size_t length = utf8_length(text->data + i, text->length - i);
        if (length == 0 || text->data[i] == '\0')
            return false;
        i += length;
    }
    return true;
}

/* Read a file of the folder. Returns 0, FERRY_NOT_FOUND, or another code with `error`. */
static int read_file(struct bytes *text, const char *folder, const char *file, ferry_error *error)
{
    ferry_error problem = {0};
    char *path = text_printf("%s/%s", folder, file);
    if (!path)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    int rc = bytes_read_file(text, path, FILE_MAX_BYTES, &problem);
    free(path);
    if (rc == FERRY_NOT_FOUND)
        return rc;
    if (rc == FERRY_TOO_LARGE)
        return ferry_error_set(error, FERRY_INVALID, "template %s: more than %d KiB", file,
                               FILE_MAX_BYTES >> 10);
    if (rc < 0) /* the folder's matter, which somebody may mend, not the request's */
        return ferry_error_set(error, FERRY_TRANSIENT, "template %s", problem.message);
    if (!is_utf8_text(text))
        return ferry_error_set(error, FERRY_INVALID, "template %s: it must be UTF-8 text", file);
    return 0;
}

/* Fill in one file. Returns 0, FERRY_NOT_FOUND, or another code with `error`. */
static int fill(struct bytes *out, const char *folder, const char *name, const char *ending,
                const json_t *data, ferry_error *error)
{
    struct bytes text = {0};
    char *file = text_printf("%s%s", name, ending);
    if (!file)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    int rc = read_file(&text, folder, file, error);
    struct template_options options = {
        .what = file,
        .escape = strcmp(ending, ".html") == 0 ? template_escape_html : NULL,
        .max_bytes = FILLED_MAX_BYTES,
    };
    if (rc == 0)
        rc = template_render(out, bytes_text(&text), text.length, data, &options, error);
    bytes_fini(&text);
    free(file);
    return rc;
}

/* The same for a file that need not be there. */
static int fill_if_there(struct bytes *out, bool *is_there, const char *folder, const char *name,
                         const char *ending, const json_t *data, ferry_error *error)
{
    int rc = fill(out, folder, name, ending, data, error);
    *is_there = rc == 0;
    return rc == FERRY_NOT_FOUND ? 0 : rc;
}

/* A file's last line ends, a subject does not. */
static void cut_line_end(struct bytes *text)
{
    if (text->length > 0 && text->data[text->length - 1] == '\n')
        text->data[--text->length] = '\0';
    if (text->length > 0 && text->data[text->length - 1] == '\r')
        text->data[--text->length] = '\0';
}

int mail_template_fill(struct mail_words *words, const char *folder, const char *name,
                       const json_t *data, ferry_error *error)
{
    *words = (struct mail_words){0};
    if (!is_template_name(name))
        return ferry_error_set(error, FERRY_INVALID,
                               "template: a name of letters, digits, \"-\", \"_\" and \".\", which "
                               "does not begin with \".\"");
    int rc = fill(&words->subject, folder, name, ".subject.txt", data, error);
    if (rc == FERRY_NOT_FOUND)
        rc = ferry_error_set(error, FERRY_INVALID,
                             "template: there is no \"%s\" (a file %s.subject.txt in the folder of "
                             "templates)",
                             name, name);
    if (rc == 0)
        rc = fill_if_there(&words->text, &words->has_text, folder, name, ".txt", data, error);
    if (rc == 0)
        rc = fill_if_there(&words->html, &words->has_html, folder, name, ".html", data, error);
    if (rc == 0 && !words->has_text && !words->has_html)
        rc = ferry_error_set(error, FERRY_INVALID, "template: neither %s.txt nor %s.html is there",
                             name, name);
    cut_line_end(&words->subject);
    return rc;
}

void mail_words_fini(struct mail_words *words)
{
    bytes_fini(&words->subject);
    bytes_fini(&words->text);
    bytes_fini(&words->html);
}
