/*
 * Overrides: what the environment and the command line put over the file.
 *
 *     FERRY_POOLS__DEFAULT__THREADS=4
 *     --set pools.default.threads=4      --set 'routes."/a.b".timeout=5s'
 *
 * A value in brackets, braces or quotes is read as YAML ("[GET, POST]", "{threads: 4}"), every
 * other one as it stands, so that "[::1]:8002" and "a: b" need no quotes.
 */
#ifndef CONFIG_OVERRIDES_H
#define CONFIG_OVERRIDES_H

#include "diagnostics.h"
#include "tree.h"

/* Put a NULL-terminated list of "key.key=value" into the tree. */
void overrides_apply_sets(struct tree *root, const char *const *sets,
                          struct diagnostics *diagnostics);

/* Put a NULL-terminated list of addresses, each of a --listen, in place of `listen`; NULL or empty:
 * nothing is given. */
void overrides_apply_listen(struct tree *root, const char *const *addresses,
                            struct diagnostics *diagnostics);

/* The same for an environment. A variable of one word that is not one of `sections`
 * (NULL-terminated) is somebody else's, but a warning if it begins with one or is close to one; one
 * of several is checked as any key is. */
void overrides_apply_environ(struct tree *root, const char *const *environment,
                             const char *const *sections, struct diagnostics *diagnostics);

#endif
