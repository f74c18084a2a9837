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
 * What paging costs is in run_costs.c.
 */
#include "claim.h"
#include "curve_view.h"
#include "out_file.h"
#include "preload.h"
#include "real_syscalls.h"
#include "run_costs.h"
#include "text.h"

#include <limits.h>
#include <string.h>
#include <unpaged/statistics.h>

static struct {
        struct sink sink;
        char path[PATH_MAX]; /* as the user named it; "": none */
        bool first;          /* of its tree */
        _Atomic bool told;
        bool is_settled;
        struct curve_view settled;
} curve;

static uint64_t misses(const void *arg, uint64_t frames)
{
        struct pg_curve_point point = {.frames = frames};

        (void)arg;
        pg_curve_get(preload.pool, NULL, &point, 1);
        return point.misses;
}

/* What the costs of the run were, for each page that misses, and for each that leaves. */
static void add_costs(struct curve_view *v, const struct pg_stats *s, bool at_end)
{
        struct run_costs r = at_end ? run_costs_at_end(v->first) : run_costs_read(s, v->first);
        uint64_t again = misses(NULL, v->budget);

        v->left = s->costs[PG_COST_EVICTION].events;
        v->back = r.back;
        v->most = r.most;
        again = again > v->first ? again - v->first : 0;
        v->kept_ns = r.kept_ns;
        if (v->kept_ns < r.run_ns / 100)
                v->kept_ns = r.run_ns / 100; /* nearly all was paging: it cannot be told how much */
        if (again)
                v->miss_ns = r.again_ns / (double)again;
        if (v->left) /* a curve that is estimated may know of no misses */
                v->leave_ns = (r.leave_ns + (again ? 0 : r.again_ns)) / (double)v->left;
        v->doubt = r.doubt;
        if (r.is_short && v->left > 0)
                v->no_verdict = CURVE_SHORT;
        if (s->budget_changes)
                v->no_verdict = CURVE_RESIZED;
}

/* False: there is none. */
static bool look_now(struct curve_view *v, bool at_end)
{
        struct pg_curve c = {.size = sizeof(c)};
        struct pg_stats s = {.size = sizeof(s)};

        if (!curve.path[0] || pg_curve_get(preload.pool, &c, NULL, 0) != 0 ||
            (at_end ? !run_stats_at_end() : pg_stats_get(preload.pool, &s) != 0))
                return false;
        if (at_end)
                s = *run_stats_at_end();
        *v = (struct curve_view){.misses = misses,
                                 .name = preload.name,
                                 .page_size = s.page_size,
                                 .least = c.least,
                                 .enough = c.enough,
                                 .budget = s.frames_total,
                                 .given = budget_of(&s),
                                 .first = c.first};
        add_costs(v, &s, at_end);
        return true;
}

/* At the end it was settled: all that is told then says the same. */
static bool look(struct curve_view *v)
{
        if (!curve.is_settled)
                return look_now(v, false);
        *v = curve.settled;
        return true;
}

void curve_settle(void)
{
        if (is_active() && real_getpid() == preload.pid && !curve.is_settled)
                curve.is_settled = look_now(&curve.settled, true);
}

void curve_again(void)
{
        curve.is_settled = false;
}

bool curve_sufficient(uint64_t *bytes)
{
        struct curve_view v;

        if (!look(&v) || v.no_verdict)
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
        curve.is_settled = false;
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
