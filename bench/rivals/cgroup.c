/* SPDX-License-Identifier: MIT */
/*
 * cgroup.c - memory cgroups of either version, one at a time.
 *
 * Found as bench/programs does: a mounted v1 controller, else the first v2 folder that has one,
 * which is asked to hand it down where it does not.
 */
#include "machine.h"

#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct {
        int version;
        char root[1024];
        char open[1200]; /* the group that is open; empty: none */
        bool controller_added;
        char reason[256];
} cgroup;

static bool has_word(const char *path, const char *word)
{
        char text[256];

        return file_get(path, text, sizeof(text)) && strstr(text, word);
}

/* A v2 folder whose children have the controller, now if not before. */
static bool try_unified(const char *folder)
{
        char path[1100];

        snprintf(path, sizeof(path), "%s/cgroup.controllers", folder);
        if (!has_word(path, "memory"))
                return false;
        snprintf(path, sizeof(path), "%s/cgroup.subtree_control", folder);
        if (has_word(path, "memory"))
                return true;
        if (file_put(path, "+memory") != 0)
                return false;
        cgroup.controller_added = true;
        return true;
}

const char *cgroup_find(void)
{
        FILE *mounts = setmntent("/proc/self/mounts", "r");
        struct mntent *m;

        cgroup.version = 0;
        while (mounts && cgroup.version != 1 && (m = getmntent(mounts))) {
                if (strcmp(m->mnt_type, "cgroup") == 0 && hasmntopt(m, "memory"))
                        cgroup.version = 1;
                else if (strcmp(m->mnt_type, "cgroup2") == 0 && !cgroup.version &&
                         try_unified(m->mnt_dir))
                        cgroup.version = 2;
                else
                        continue;
                snprintf(cgroup.root, sizeof(cgroup.root), "%s", m->mnt_dir);
        }
        if (mounts)
                endmntent(mounts);
        return cgroup.version ? NULL : "no memory cgroups are mounted here, or none can be made";
}

int cgroup_version(void)
{
        return cgroup.version;
}

static int put(const char *file, const char *text)
{
        char path[1300];

        snprintf(path, sizeof(path), "%s/%s", cgroup.open, file);
        return file_put(path, text);
}

static int set_limit(size_t limit)
{
        char bytes[32], swappiness[16] = "60";

        snprintf(bytes, sizeof(bytes), "%zu", limit);
        if (cgroup.version == 2)
                return put("memory.max", bytes);
        file_get("/proc/sys/vm/swappiness", swappiness, sizeof(swappiness));
        put("memory.swappiness", swappiness);
        return put("memory.limit_in_bytes", bytes);
}

const char *cgroup_open(size_t limit, const char **folder)
{
        int error;

        cgroup_close();
        snprintf(cgroup.open, sizeof(cgroup.open), "%s/unpaged-rivals-%d", cgroup.root,
                 (int)getpid());
        error = mkdir(cgroup.open, 0755) == 0 ? set_limit(limit) : errno;
        if (error) {
                snprintf(cgroup.reason, sizeof(cgroup.reason), "memory cgroup %.150s: %s",
                         cgroup.open, strerror(error));
                cgroup_close();
                return cgroup.reason;
        }
        *folder = cgroup.open;
        return NULL;
}

static void kill_members(void)
{
        char path[1300];
        FILE *members;
        int pid;

        snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup.open);
        members = fopen(path, "re");
        while (members && fscanf(members, "%d", &pid) == 1)
                kill(pid, SIGKILL);
        if (members)
                fclose(members);
}

void cgroup_close(void)
{
        const struct timespec pause = {.tv_nsec = 20000000};

        if (!cgroup.open[0])
                return;
        /* An ended process may be a member for a moment more. */
        for (unsigned i = 0; rmdir(cgroup.open) != 0 && errno != ENOENT; i++) {
                if (i == 250) {
                        fprintf(stderr, "rivals: %s could not be removed: %s; rmdir it later\n",
                                cgroup.open, strerror(errno));
                        break;
                }
                kill_members();
                nanosleep(&pause, NULL);
        }
        cgroup.open[0] = '\0';
}

void cgroup_put_back(void)
{
        char path[1100];

        cgroup_close();
        snprintf(path, sizeof(path), "%s/cgroup.subtree_control", cgroup.root);
        if (cgroup.controller_added)
                file_put(path, "-memory");
        cgroup.controller_added = false;
}

int cgroup_enter(const char *folder)
{
        char path[1300];

        snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
        return file_put(path, "0");
}
