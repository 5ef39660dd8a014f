/* The progress bar. Main thread. */
#include "progress_bar.h"

#include <math.h>
#include <string.h>

#include "table.h"
#include "terminal.h"

enum { CELLS_MAX = 40, CELLS_MIN = 8, PERCENT_WIDTH = 5 };

static void append_bar(struct bytes *out, double fraction, size_t cells)
{
    size_t done = (size_t)lround(fraction * (double)cells);
    bytes_append_char(out, '[');
    for (size_t i = 0; i < cells; i++)
        bytes_append_char(out, i + 1 < done || done == cells ? '=' : i + 1 == done ? '>' : ' ');
    bytes_append_char(out, ']');
}

/* A third of the line, as far as that is a bar at all. */
static size_t cells_of(size_t width)
{
    size_t cells = width / 3;
    return cells > CELLS_MAX ? CELLS_MAX : cells < CELLS_MIN ? 0 : cells;
}

static int percent_of(double fraction)
{
    return fraction >= 1 ? 100 : (int)(fraction * 100);
}

void progress_bar_format(struct bytes *out, double fraction, const char *message, size_t width)
{
    struct bytes plain = {0};
    append_plain(&plain, message);
    if (fraction >= 0) {
        size_t cells = cells_of(width);
        if (cells > 0)
            append_bar(out, fraction < 1 ? fraction : 1, cells);
        bytes_printf(out, "%*d%%%s", cells ? PERCENT_WIDTH - 1 : 1, percent_of(fraction),
                     plain.length ? " " : "");
    }
    size_t used = out->length;
    append_cut(out, bytes_text(&plain), width > used ? width - used : 0);
    bytes_fini(&plain);
}

static void format_line(struct bytes *out, double fraction, const char *message)
{
    if (fraction >= 0)
        bytes_printf(out, "%3d%% ", percent_of(fraction));
    append_plain(out, message);
}

void progress_bar_show(struct progress_bar *bar, double fraction, const char *message)
{
    struct bytes text = {0};
    if (bar->is_terminal) /* a line that fills the last column wraps on some terminals */
        progress_bar_format(&text, fraction, message, terminal_width(fileno(bar->out)) - 1);
    else
        format_line(&text, fraction, message);
    if (strcmp(bytes_text(&text), bytes_text(&bar->shown)) != 0) {
        fprintf(bar->out, bar->is_terminal ? "\r%s\033[K" : "%s\n", bytes_text(&text));
        fflush(bar->out);
        bytes_clear(&bar->shown);
        bytes_append(&bar->shown, text.data, text.length);
    }
    bytes_fini(&text);
}

void progress_bar_clear(struct progress_bar *bar)
{
    if (bar->is_terminal && bar->shown.length > 0) {
        fputs("\r\033[K", bar->out);
        fflush(bar->out);
    }
    bytes_clear(&bar->shown);
}

void progress_bar_fini(struct progress_bar *bar)
{
    progress_bar_clear(bar);
    bytes_fini(&bar->shown);
}
