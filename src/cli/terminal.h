/* What is known of the terminal, if there is one. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/* Return how many columns it has; 80 if it does not say. */
size_t terminal_width(int fd);

/* The width that what is written to standard output should have; 0, without bound, if that is no
 * terminal. */
size_t output_width(void);

/* Ask on standard error for a yes. Returns false for any other answer, and for none. Needs a
 * terminal on both sides: is_interactive. Blocks. */
bool is_interactive(void);
bool ask_yes(const char *question);

#endif
