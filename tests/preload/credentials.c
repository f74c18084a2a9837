/* SPDX-License-Identifier: MIT */
/*
 * credentials.c - a daemon of root's that gives up its privileges: every thread of the process has
 * given them up then, as far as /proc can tell. To be run by root.
 */
#include "case.h"

#include <dirent.h>
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sys/prctl.h>

#define NOBODY 65534u
#define KINDS  8u

static char *data;

/* In glibc, but in no header of it. */
int capset(struct __user_cap_header_struct *header, const struct __user_cap_data_struct *data);

static bool is_credential(const char *line)
{
        static const char *const names[] = {"Uid:", "Gid:", "Groups:", "Cap", "NoNewPrivs:"};

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (strncmp(line, names[i], strlen(names[i])) == 0)
                        return true;
        return false;
}

static void credentials_of(const char *tid, char text[1024])
{
        char path[300], line[512];
        FILE *file;

        snprintf(path, sizeof(path), "/proc/self/task/%s/status", tid);
        file = fopen(path, "r");
        must(file);
        text[0] = '\0';
        while (fgets(line, sizeof(line), file))
                if (is_credential(line))
                        strncat(text, line, 1023 - strlen(text));
        fclose(file);
}

/* Prints each kind of credentials that a thread has, once. */
static void tell(const char *after)
{
        static char kinds[KINDS][1024], text[1024];
        DIR *dir = opendir("/proc/self/task");
        struct dirent *entry;
        unsigned n = 0, i;

        must(dir);
        while ((entry = readdir(dir))) {
                if (entry->d_name[0] == '.')
                        continue;
                credentials_of(entry->d_name, text);
                for (i = 0; i < n && strcmp(kinds[i], text) != 0; i++)
                        ;
                if (i == n && n < KINDS)
                        strcpy(kinds[n++], text);
        }
        closedir(dir);
        printf("%s: %u kinds\n", after, n);
        for (i = 0; i < n; i++)
                fputs(kinds[i], stdout);
}

static void own_fill(void)
{
        data = data_map(DATA);
        data_fill(data, DATA, 1);
}

static int done(void)
{
        evict_all();
        must(data_wrong(data, DATA, 1) == 0);
        tell("in the end");
        return 0;
}

static int drops_root(void)
{
        own_fill();
        must(initgroups("nobody", NOBODY) == 0);
        tell("initgroups");
        must(setgroups(0, NULL) == 0);
        tell("setgroups");
        must(setgid(NOBODY) == 0);
        tell("setgid");
        must(setuid(NOBODY) == 0);
        tell("setuid");
        must(setuid(0) != 0);
        must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        tell("no_new_privs");
        return done();
}

static int keeps_one_capability(void)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        uint32_t one = 1u << CAP_NET_BIND_SERVICE;
        struct __user_cap_data_struct sets[2] = {{one, one, one}};

        own_fill();
        for (unsigned long cap = 0; cap <= CAP_CHOWN + 3; cap++)
                must(prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0);
        tell("bounding set");
        must(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0);
        must(setresgid(NOBODY, NOBODY, NOBODY) == 0);
        must(setresuid(NOBODY, NOBODY, NOBODY) == 0);
        tell("setresuid");
        must(capset(&header, sets) == 0);
        tell("capset");
        must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) == 0);
        tell("ambient");
        return done();
}

static int to_and_fro(void)
{
        own_fill();
        for (unsigned i = 0; i < 10; i++) {
                must(setegid(NOBODY) == 0 && seteuid(NOBODY) == 0);
                tell("nobody");
                must(setreuid((uid_t)-1, 0) == 0 && setregid((gid_t)-1, 0) == 0);
                tell("root");
        }
        return done();
}

/* The list of groups lies in paged memory. */
static int groups_are_out(void)
{
        gid_t *groups = data_map(NGROUPS_MAX * sizeof(*groups));

        own_fill();
        for (unsigned i = 0; i < 10000; i++)
                groups[i] = 1000 + i;
        evict_all();
        must(setgroups(10000, groups) == 0);
        tell("setgroups");
        must(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
        return done();
}

static int child_drops_root(void)
{
        pid_t child;

        own_fill();
        child = fork();
        must(child >= 0);
        if (child == 0) {
                must(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
                tell("the child");
                evict_all();
                must(data_wrong(data, DATA, 1) == 0);
                fflush(stdout);
                _exit(0);
        }
        must(status_of(child) == 0);
        child = vfork();
        if (child == 0)
                _exit(setgid(NOBODY) || setuid(NOBODY));
        must(status_of(child) == 0);
        tell("the parent");
        return done();
}

static const struct test_case cases[] = {
        {"drops_root", drops_root},
        {"keeps_one_capability", keeps_one_capability},
        {"to_and_fro", to_and_fro},
        {"groups_are_out", groups_are_out},
        {"child_drops_root", child_drops_root},
        {NULL, NULL},
};

int main(int argc, char **argv)
{
        return cases_run(argc, argv, cases);
}
