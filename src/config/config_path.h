/*
 * Paths that a config names, and its own: a relative one is in the folder where ferry was started,
 * wherever a plug-in has taken the process since.
 */
#ifndef CONFIG_CONFIG_PATH_H
#define CONFIG_CONFIG_PATH_H

/* Return a path that is good wherever the process goes. `folder` is where relative ones are; NULL:
 * that is not known, and they stay as they are. The caller frees it; NULL without memory. */
char *config_path_absolute(const char *folder, const char *path);

/* Return a path that can be opened now: as it was written, for messages, while the process is still
 * in the folder. The caller frees it; NULL without memory. Blocks. */
char *config_path(const char *folder, const char *path);

#endif
