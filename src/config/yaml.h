/* YAML text to a tree. The only place that knows libfyaml. */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include "diagnostics.h"
#include "tree.h"

enum { YAML_TEXT_MAX = 1 << 20, YAML_DEPTH_MAX = 16, YAML_NODES_MAX = 20000 };

/*
 * Parse one document. `*tree` is the caller's; NULL when the text is empty or there are only
 * comments. What is wrong with the syntax is reported.
 * Errors: FERRY_INVALID, there is no tree. A duplicate key is reported, but leaves a tree.
 */
int yaml_parse(const struct source *source, struct diagnostics *diagnostics, struct tree **tree);

#endif
