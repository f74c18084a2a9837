/* SPDX-License-Identifier: MIT */
/* trace_heat.c - `unpaged trace heat`: what happened to which addresses, and when. */
#include "trace_heat.h"
#include "command.h"
#include "heat.h"
#include "out_stream.h"
#include "picture_name.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_MOST   4000u
#define WIDTH_USUAL  80u
#define COLUMNS_MOST 400u

static unsigned terminal_width(void)
{
        struct winsize size = {0};

        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
                return WIDTH_USUAL;
        return size.ws_col < HEAT_COLUMNS_LEAST ? HEAT_COLUMNS_LEAST
               : size.ws_col > COLUMNS_MOST     ? COLUMNS_MOST
                                                : size.ws_col;
}

static int draw(const struct heat *h, const char *output, unsigned width)
{
        struct out_stream out;
        int error = out_stream_open(&out, output), bad;

        if (error)
                return say(STATUS_FAILED, "%s: %s", output, out_file_why(error));
        error = heat_picture(h, width, out.stream);
        bad = out_stream_close(&out, error);
        error = error ? error : bad;
        if (error)
                return say(STATUS_FAILED, "%s: %s",
                           strcmp(output, "-") == 0 ? "standard output" : output, strerror(-error));
        return 0;
}

/* 0: it may be; else the status to end with. */
static int check_request(const char *output, uint64_t width)
{
        const char *wrong = output ? picture_name_wrong(output) : NULL;
        unsigned least = output ? HEAT_WIDTH_LEAST : HEAT_COLUMNS_LEAST;
        unsigned most = output ? WIDTH_MOST : COLUMNS_MOST;

        if (wrong)
                return say(STATUS_USAGE, "trace heat: --output %s: %s", output, wrong);
        if (width && (width < least || width > most))
                return say(STATUS_USAGE, "trace heat: --width %llu: must be from %u to %u",
                           (unsigned long long)width, least, most);
        return 0;
}

int trace_heat(const char *path, const char *output, uint64_t width)
{
        int status = check_request(output, width);
        unsigned wide = width ? (unsigned)width : output ? HEAT_WIDTH : terminal_width();
        struct heat_size size = output ? heat_picture_size(wide) : heat_text_size(wide);
        char why[TRACE_WHY];
        struct heat h;

        if (status)
                return status;
        if (heat_read(&h, path, &size, why) != 0) {
                status = say(STATUS_FAILED, "%s", why);
        } else {
                if (h.note[0])
                        say(0, "%s", h.note);
                if (output)
                        status = draw(&h, output, wide);
                else
                        heat_text(&h, wide);
                status = status ? status : output_status(0, STATUS_FAILED);
        }
        heat_free(&h);
        return status;
}
