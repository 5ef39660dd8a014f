/*
 * How many cores this process may use. Any thread; reads files of the kernel's.
 */
#ifndef BASE_CORES_H
#define BASE_CORES_H

/* Return how many cores' time this process gets: those that it may run on, or what the quota of its
 * cgroup pays for, if that is less. A part of one counts as one. At least 1. */
unsigned cores_usable(void);

/* Return what the quota pays for, 0 if there is none; `root` stands before the paths of /proc and
 * /sys: "" but in tests. */
unsigned cores_quota(const char *root);

#endif
