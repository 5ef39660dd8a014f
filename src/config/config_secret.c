/*
 * Files that hold a secret. Main thread.
 *
 * Messages show the path, never the content.
 */
#include <sys/stat.h>

#include <stdlib.h>

#include "config_check.h"
#include "config_path.h"
#include "section.h"

void check_secret_mode(struct checking *checking, const struct tree *node, const char *key)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    char *path = config_path(checking->folder, node->text);
    struct stat status;
    diagnostics->no_memory |= !path;
    if (path && stat(path, &status) == 0 && (status.st_mode & (S_IROTH | S_IWOTH)) != 0) {
        diagnostics_warning(diagnostics, node->mark, "%s \"%s\" is open to every user", key, path);
        diagnostics_hint(diagnostics, "chmod 600 %s", path);
    }
    free(path);
}

bool check_secret_file(struct checking *checking, const struct tree *node, const char *key,
                       size_t limit, struct bytes *content)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    if (!expect_text(node, key, diagnostics))
        return false;
    ferry_error error;
    char *path = config_path(checking->folder, node->text);
    int rc = path ? bytes_read_secret(content, path, limit, &error)
                  : ferry_error_set(&error, FERRY_INTERNAL, "no memory");
    free(path);
    if (rc < 0) {
        diagnostics_error(diagnostics, node->mark, "%s: %s", key, error.message);
        bytes_fini(content);
        return false;
    }
    check_secret_mode(checking, node, key);
    return true;
}
