/* SPDX-License-Identifier: MIT */
/*
 * cut_off.h - children that lose their userfaultfd: what they say on standard error, and how they
 * end. A child that hangs is killed, and its test fails.
 */
#ifndef CUT_OFF_H
#define CUT_OFF_H

#include "child.h"
#include "probe.h"
#include "sigbus.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define FRAMES     16u
#define NPAGES     ((size_t)64)
#define HANGS_MS   15000u
#define LINE_BEGIN "paged memory is lost: "

struct outcome {
        int status;
        char text[4096];
};

/* The end of standard error is the end of the child. */
static inline void read_to_end(int fd, char *text, size_t room)
{
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        uint64_t began = now_ns();
        size_t len = 0;
        ssize_t n = 1;

        while (n > 0 && now_ns() - began < HANGS_MS * UINT64_C(1000000))
                if (poll(&poll_fd, 1, 100) > 0 && (n = read(fd, text + len, room - 1 - len)) > 0)
                        len += (size_t)n;
        text[len] = '\0';
}

/* `body` exits with 0 if all was well. */
static inline struct outcome outcome_of(void (*body)(int delivery), int delivery)
{
        struct outcome o = {0};
        int ends[2];
        pid_t child;

        ck_assert_int_eq(pipe(ends), 0);
        child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
                dup2(ends[1], STDERR_FILENO);
                close(ends[0]);
                close(ends[1]);
                signal(SIGBUS, SIG_DFL); /* a sanitizer may have set it */
                body(delivery);
                _exit(0);
        }
        close(ends[1]);
        read_to_end(ends[0], o.text, sizeof(o.text));
        close(ends[0]);
        kill(child, SIGKILL); /* if it hangs; one that has ended keeps its status */
        ck_assert_int_eq(waitpid(child, &o.status, 0), child);
        return o;
}

/* Exactly one line, in which a word names the cause. */
static inline void expect_line(const struct outcome *o, const char *cause)
{
        const char *line = strstr(o->text, LINE_BEGIN);

        ck_assert_msg(line && strstr(line, cause) && !strstr(line + 1, LINE_BEGIN), "it says: %s",
                      o->text);
}

static inline void expect_exit(const struct outcome *o, int status)
{
        ck_assert_msg(WIFEXITED(o->status) && WEXITSTATUS(o->status) == status,
                      "status %#x; it says: %s", o->status, o->text);
}

static inline void expect_killed(const struct outcome *o, int sig)
{
        ck_assert_msg(WIFSIGNALED(o->status) && WTERMSIG(o->status) == sig,
                      "status %#x; it says: %s", o->status, o->text);
}

/* ---- in the child -------------------------------------------------------------------------- */

static struct pg_pool *lost_pool;
static char *lost_map; /* page i holds i + 1; most of them are out */

static inline void lost_open(int delivery, unsigned flags)
{
        lost_pool = open_frames(delivery, FRAMES, flags);
        lost_map = pg_map(lost_pool, NPAGES * PAGE, 0);
        CHILD_CHECK(lost_map);
        CHILD_CHECK(pg_advise(lost_pool, lost_map, NPAGES * PAGE, PG_ADVICE_RANDOM) == 0);
        for (size_t i = 0; i < NPAGES; i++)
                lost_map[i * PAGE] = (char)(i + 1);
}

/* Whatever becomes of the access, it shows nothing wrong. True: it got SIGBUS. */
static inline bool fails(size_t i)
{
        struct hit hit = hit_touch(lost_map + i * PAGE, false);

        CHILD_CHECK(hit.sig == SIGBUS || (hit.sig == 0 && hit.value == (char)(i + 1)));
        return hit.sig == SIGBUS;
}

static inline unsigned count_failures(void)
{
        unsigned n = 0;

        for (size_t i = 0; i < NPAGES; i++)
                n += fails(i);
        return n;
}

static inline char *page_that_is_out(void)
{
        size_t i = 0;

        while (is_resident(lost_pool, lost_map + i * PAGE))
                CHILD_CHECK(++i < NPAGES);
        return lost_map + i * PAGE;
}

/* The one that was touched last. */
static inline char *page_that_is_in(void)
{
        return lost_map + (NPAGES - 1) * PAGE;
}

/* From now on ioctl(2) answers EPERM: to this thread, or with SECCOMP_FILTER_FLAG_TSYNC to all. */
static inline void forbid_ioctl(unsigned flags)
{
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog filter = {sizeof(code) / sizeof(code[0]), code};

        CHILD_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        CHILD_CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter) == 0);
}

#endif
