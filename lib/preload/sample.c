/* SPDX-License-Identifier: MIT */
/*
 * sample.c - where in the program its faults come from, written when a process ends: a file of
 * folded stacks (sample_fold.c).
 *
 * The first process of a tree replaces the file that the user named (claim.c). All others have
 * their process id behind its name, and write none if they had no faults to tell of. As with
 * curve.c, a process that executes another program in its place leaves the name to that.
 */
#include "claim.h"
#include "out_file.h"
#include "preload.h"
#include "real_syscalls.h"
#include "sample_fold.h"
#include "settings.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static struct {
        char path[PATH_MAX]; /* as the user named it; "": none */
        bool first;          /* of its tree */
        _Atomic bool told;
} sample;

static int sample_file_write(struct fold *f, const char *path, uint64_t loads)
{
        static struct out_file file;
        int fd = out_file_begin(&file, path, 0666), error;

        if (fd < 0)
                return fd;
        error = fold_write(f, fd, preload.name, loads);
        real_close(fd);
        if (!error)
                return out_file_show(&file);
        out_file_abandon(&file);
        return error;
}

static void sample_file_name(struct text *path)
{
        text_add(path, sample.path);
        if (sample.first)
                return;
        text_add(path, ".");
        text_number(path, (uint64_t)preload.pid);
}

void sample_write(void)
{
        struct text path = {0};
        struct fold *f;
        uint64_t loads = 0;
        int n, error = 0;

        if (!is_active() || !sample.path[0] || real_getpid() != preload.pid ||
            atomic_exchange(&sample.told, true))
                return;
        sample_file_name(&path);
        f = fold_begin();
        n = f ? pg_fault_samples(preload.pool, fold_add, f, &loads) : -ENOMEM;
        if (n > 0 || (n == 0 && sample.first))
                error = sample_file_write(f, path.at, loads);
        if (n < 0 || error)
                complain(preload.name, ": its samples cannot be written to ", path.at, ": ",
                         out_file_why(n < 0 ? n : error), NULL);
        if (f)
                fold_end(f);
        if (sample.first)
                claim_drop(sample.path);
}

void sample_hand_over(void)
{
        if (sample.first && is_active() && real_getpid() == preload.pid)
                claim_drop(sample.path);
}

void sample_restart(void)
{
        sample.first = false;
        atomic_store(&sample.told, false);
}

uint32_t sample_open(const struct settings *s)
{
        const char *path = s->sample_path;

        if (!path || strlen(path) + sizeof(".4294967295") > sizeof(sample.path))
                return 0;
        complaint_keep();
        strcpy(sample.path, path);
        sample.first = claim_take(path, s->old_sample);
        return s->sample_every;
}
