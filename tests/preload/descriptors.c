/* SPDX-License-Identifier: MIT */
/* descriptors.c - programs that close, count or overwrite every descriptor there is. */
#include "case.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>

#define MANY     1200 /* more than any descriptor's number in a run of this program */
#define RESERVED 900

static char *data;

static void own_fill(void)
{
        data = data_map(DATA);
        data_fill(data, DATA, 1);
}

/* Everything is still there, also for a child, and new pages come and go. */
static void own_check(void)
{
        pid_t child;

        must(data_wrong(data, DATA, 1) == 0);
        child = fork();
        must(child >= 0);
        if (child == 0) {
                must(data_wrong(data, DATA, 1) == 0);
                _exit(7);
        }
        must(status_of(child) == 7);
        evict_all();
        must(data_wrong(data, DATA, 1) == 0);
}

static int numbers_are_the_plain_ones(void)
{
        own_fill();
        for (unsigned i = 0; i < 5; i++)
                printf("%d\n", open("/dev/null", O_RDONLY));
        printf("%d\n", fcntl(0, F_DUPFD, 20));
        own_check();
        return 0;
}

static int closed_one_by_one(void)
{
        unsigned closed = 0;

        own_fill();
        must(open("/dev/null", O_RDONLY) >= 0);
        for (int fd = 3; fd < MANY; fd++)
                if (close(fd) == 0)
                        closed++;
                else
                        must(errno == EBADF);
        printf("%u\n", closed);
        own_check();
        return 0;
}

static int closed_at_once(void)
{
        own_fill();
        must(close_range(3, ~0u, 0) == 0);
        own_check();
        must(close_range(3, ~0u, 1 << 2) == 0); /* CLOSE_RANGE_CLOEXEC */
        own_check();
        must(close_range(3, ~0u, 1 << 1) == 0); /* CLOSE_RANGE_UNSHARE */
        must(close_range(9, 3, 0) == -1 && errno == EINVAL);
        own_check();
        closefrom(3);
        own_check();
        puts("closed");
        return 0;
}

static int closed_as_listed(void)
{
        DIR *dir = opendir("/proc/self/fd");
        int fds[64], n = 0;
        struct dirent *entry;

        own_fill();
        must(dir);
        while ((entry = readdir(dir)))
                if (atoi(entry->d_name) > 2 && atoi(entry->d_name) != dirfd(dir) && n < 64)
                        fds[n++] = atoi(entry->d_name);
        closedir(dir);
        while (n > 0)
                (void)!close(fds[--n]);
        own_check();
        puts("closed");
        return 0;
}

/*
 * From RESERVED on a number may be the pager's, which refuses to be overwritten: a documented limit.
 * Below, each must be had.
 */
static unsigned overwrite(int flags)
{
        unsigned wrong = 0;

        for (int fd = 3; fd < MANY; fd++) {
                int got = flags ? dup3(0, fd, flags) : dup2(0, fd);

                must(got == fd || (got == -1 && fd >= RESERVED));
                wrong += got != fd && fd < RESERVED;
        }
        return wrong;
}

static int overwritten(void)
{
        unsigned wrong;

        own_fill();
        wrong = overwrite(0);
        own_check();
        wrong += overwrite(O_CLOEXEC);
        own_check();
        for (int fd = 3; fd < RESERVED; fd++)
                wrong += close(fd) != 0;
        own_check();
        printf("%u are missing\n", wrong);
        return 0;
}

/* As shells and daemons do between fork and exec. */
static int closed_in_the_child(void)
{
        pid_t child;

        own_fill();
        for (unsigned way = 0; way < 3; way++) {
                child = fork();
                must(child >= 0);
                if (child == 0) {
                        for (int fd = 3; way == 0 && fd < MANY; fd++)
                                close(fd);
                        if (way == 1)
                                closefrom(3);
                        if (way == 2)
                                must(overwrite(0) == 0);
                        own_check();
                        execl("/bin/sh", "sh", "-c", "echo executed", NULL);
                        _exit(1);
                }
                must(status_of(child) == 0);
                own_check();
        }
        return 0;
}

static int few_are_allowed(void)
{
        struct rlimit limit = {64, 64};
        unsigned opened = 0;

        own_fill();
        must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        while (open("/dev/null", O_RDONLY) >= 0)
                opened++;
        printf("%u %s\n", opened, strerror(errno));
        must(data_wrong(data, DATA, 1) == 0);
        closefrom(3);
        own_check();
        return 0;
}

/* For a run in which few are allowed from the start: some of them may be the pager's. */
static int starts_with_few(void)
{
        own_fill();
        must(open("/dev/null", O_RDONLY) == 3);
        must(open("/dev/null", O_RDONLY) == 4);
        closefrom(3);
        own_check();
        puts("enough");
        return 0;
}

static int daemonized(void)
{
        int done[2];
        char byte;
        pid_t child;

        own_fill();
        must(pipe(done) == 0);
        child = fork();
        must(child >= 0);
        if (child == 0) {
                must(dup2(done[1], 2) == 2);
                closefrom(3);
                must(daemon(0, 1) == 0);
                own_check();
                must(write(2, "y", 1) == 1);
                _exit(0);
        }
        close(done[1]);
        must(status_of(child) == 0);
        must(read(done[0], &byte, 1) == 1 && byte == 'y');
        puts("daemon");
        return 0;
}

static const struct test_case cases[] = {
        {"numbers_are_the_plain_ones", numbers_are_the_plain_ones},
        {"closed_one_by_one", closed_one_by_one},
        {"closed_at_once", closed_at_once},
        {"closed_as_listed", closed_as_listed},
        {"overwritten", overwritten},
        {"closed_in_the_child", closed_in_the_child},
        {"few_are_allowed", few_are_allowed},
        {"starts_with_few", starts_with_few},
        {"daemonized", daemonized},
        {NULL, NULL},
};

int main(int argc, char **argv)
{
        return cases_run(argc, argv, cases);
}
