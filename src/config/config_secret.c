/*
 * Files that hold a secret. Main thread.
 *
 * Messages show the path, never the content.
 */
#include <sys/stat.h>

#include "config_check.h"
#include "section.h"

void check_secret_mode(struct checking *checking, const struct tree *node, const char *key)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    const char *path = node->text;
    struct stat status;
    if (stat(path, &status) < 0 || (status.st_mode & (S_IROTH | S_IWOTH)) == 0)
        return;
    diagnostics_warning(diagnostics, node->mark, "%s \"%s\" is open to every user", key, path);
    diagnostics_hint(diagnostics, "chmod 600 %s", path);
}

bool check_secret_file(struct checking *checking, const struct tree *node, const char *key,
                       size_t limit, struct bytes *content)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    const char *path = expect_text(node, key, diagnostics);
    if (!path)
        return false;
    ferry_error error;
    if (bytes_read_secret(content, path, limit, &error) < 0) {
        diagnostics_error(diagnostics, node->mark, "%s: %s", key, error.message);
        bytes_fini(content);
        return false;
    }
    check_secret_mode(checking, node, key);
    return true;
}
