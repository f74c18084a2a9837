/* SPDX-License-Identifier: MIT */
/*
 * curve.c - how much memory would have been enough, told when a process ends: a picture in a file
 * of its own, and a sentence on the standard error that it was started with.
 *
 * The first process of a tree replaces the file that the user named (claim.c). All others have
 * their process id and ".svg" behind its name. A tree has many processes that are of no interest.
 * So the shells and wrappers that execute another program in their place tell nothing, and leave
 * the name to it; and but for the first only those tell that had to give pages up.
 *
 * What a miss costs is measured: what the process waited for pages, divided by its faults.
 */
#include "claim.h"
#include "curve_view.h"
#include "out_file.h"
#include "preload.h"
#include "real_syscalls.h"
#include "text.h"

#include <limits.h>
#include <string.h>
#include <unpaged/statistics.h>

static struct {
        struct sink sink;
        char path[PATH_MAX]; /* as the user named it; "": none */
        bool first;          /* of its tree */
        _Atomic bool told;
} curve;

static uint64_t misses(const void *arg, uint64_t frames)
{
        struct pg_curve_point point = {.frames = frames};

        (void)arg;
        pg_curve_get(preload.pool, NULL, &point, 1);
        return point.misses;
}

/* False: there is none. */
static bool look(struct curve_view *v)
{
        struct pg_curve c = {.size = sizeof(c)};
        struct pg_stats s = {.size = sizeof(s)};
        uint64_t wall = stats_wall_ns();

        if (!curve.path[0] || pg_curve_get(preload.pool, &c, NULL, 0) != 0 ||
            pg_stats_get(preload.pool, &s) != 0)
                return false;
        *v = (struct curve_view){.misses = misses,
                                 .name = preload.name,
                                 .page_size = s.page_size,
                                 .least = c.least,
                                 .enough = c.enough,
                                 .budget = s.frames_total,
                                 .given = preload.budget,
                                 .first = c.first,
                                 .fault_ns = s.faults ? s.wait_ns / s.faults : 0,
                                 .other_ns = wall > s.wait_ns ? wall - s.wait_ns : 0};
        return true;
}

bool curve_sufficient(uint64_t *bytes)
{
        struct curve_view v;

        if (!look(&v))
                return false;
        *bytes = (uint64_t)curve_view_bytes(&v, curve_view_sufficient(&v));
        return true;
}

/* ---- telling it ---------------------------------------------------------------------------- */

static int picture_write(const struct curve_view *v, const char *path)
{
        static char picture[CURVE_PICTURE_SIZE];
        static struct out_file file;
        struct ink ink = {picture, sizeof(picture), 0, false};
        int fd = out_file_begin(&file, path, 0666), error;

        if (fd < 0)
                return fd;
        curve_view_picture(v, &ink);
        error = real_write_all(fd, picture, ink.len);
        real_close(fd);
        if (!error)
                return out_file_show(&file);
        out_file_abandon(&file);
        return error;
}

static void draw(const struct curve_view *v)
{
        struct text path = {0};
        int error;

        text_add(&path, curve.path);
        if (!curve.first) {
                text_add(&path, ".");
                text_number(&path, (uint64_t)preload.pid);
                text_add(&path, ".svg");
        }
        error = picture_write(v, path.at);
        if (error)
                complain(preload.name, ": its curve cannot be written to ", path.at, ": ",
                         out_file_why(error), NULL);
        if (curve.first)
                claim_drop(curve.path);
}

static void speak(const struct curve_view *v)
{
        char sentence[512] = "";
        struct ink ink = {sentence, sizeof(sentence), 0, false};
        struct text t = {0};

        curve_view_sentence(v, &ink);
        text_add(&t, "unpaged: ");
        text_word(&t, preload.name);
        text_add(&t, ": ");
        text_add(&t, sentence);
        text_add(&t, "\n");
        sink_write(&curve.sink, &t);
}

void curve_write(void)
{
        struct curve_view v;

        if (!is_active() || real_getpid() != preload.pid || !look(&v) ||
            (!curve.first && v.enough <= v.least) || atomic_exchange(&curve.told, true))
                return;
        draw(&v);
        speak(&v);
}

void curve_hand_over(void)
{
        if (curve.first && is_active() && real_getpid() == preload.pid)
                claim_drop(curve.path);
}

void curve_restart(void)
{
        curve.first = false;
        atomic_store(&curve.told, false);
}

uint32_t curve_open(const char *path, const char *old)
{
        if (!path || strlen(path) + sizeof(".4294967295.svg") > sizeof(curve.path))
                return 0;
        sink_open(&curve.sink, "-");
        complaint_keep();
        strcpy(curve.path, path);
        curve.first = claim_take(path, old);
        return CURVE_PAGES;
}
