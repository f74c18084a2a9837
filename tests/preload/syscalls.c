/* SPDX-License-Identifier: MIT */
/* syscalls.c - the kernel reads and writes memory that is out. */
#include "case.h"

#include <fcntl.h>
#include <liburing.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>

#define PART ((size_t)96 << 10)

/* A page, or as many as asked for, that is out when the call after this sees it. */
static void *out(const void *content, size_t used, size_t size)
{
        char *memory = data_map(size);

        if (content)
                memcpy(memory, content, used);
        evict_all();
        return memory;
}

static int file_new(int flags)
{
        char path[] = "/var/tmp/unpaged-XXXXXX";
        int fd = mkstemp(path), again;

        must(fd >= 0);
        again = open(path, O_RDWR | flags);
        unlink(path);
        close(fd);
        return again;
}

static int files(void)
{
        char *from = data_map(PART), *to = data_map(PART);
        int fd = file_new(0);

        must(fd >= 0);
        for (uint64_t key = 1; key < 4; key++) {
                data_fill(from, PART, key);
                evict_all();
                must(pwrite(fd, from, PART, 0) == (ssize_t)PART);
                evict_all();
                must(pread(fd, to, PART, 0) == (ssize_t)PART);
                evict_all();
                must(data_wrong(to, PART, key) == 0);
        }
        must(read(fd, out(NULL, 0, PAGE), 100) == 100);
        must(lseek(fd, 0, SEEK_SET) == 0 && write(fd, out("abc", 3, PAGE), 3) == 3);
        puts("files");
        return 0;
}

static int vectors(void)
{
        struct iovec *list = data_map(PAGE);
        char *parts[4], *back = data_map(4 * PART);
        struct msghdr *message = data_map(PAGE);
        int pair[2], fd = file_new(0);

        for (unsigned i = 0; i < 4; i++) {
                parts[i] = data_map(PART);
                data_fill(parts[i], PART, i);
                list[i] = (struct iovec){parts[i], PART};
        }
        evict_all();
        must(writev(fd, list, 4) == 4 * (ssize_t)PART);
        must(pread(fd, back, 4 * PART, 0) == 4 * (ssize_t)PART);
        for (unsigned i = 0; i < 4; i++)
                must(data_wrong(back + i * PART, PART, i) == 0);
        must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        list[0].iov_len = list[1].iov_len = PAGE;
        *message = (struct msghdr){.msg_iov = list, .msg_iovlen = 2};
        evict_all();
        must(sendmsg(pair[0], message, 0) == 2 * (ssize_t)PAGE);
        memset(parts[0], 0, PAGE);
        memset(parts[1], 0, PAGE);
        evict_all();
        must(recvmsg(pair[1], message, MSG_WAITALL) == 2 * (ssize_t)PAGE);
        must(data_wrong(parts[0], PAGE, 0) == 0 && data_wrong(parts[1], PAGE, 1) == 0);
        puts("vectors");
        return 0;
}

static int texts(void)
{
        char *dir = out(NULL, 0, 2 * PAGE);
        struct stat *stat_out = out(NULL, 0, PAGE);
        struct utsname *name = out(NULL, 0, PAGE);
        int fd;

        must(chdir(out("/usr", 5, PAGE)) == 0);
        must(getcwd(dir, PAGE) == dir);
        puts(dir);
        must(stat(out("/usr/bin", 9, PAGE), stat_out) == 0);
        printf("%d\n", S_ISDIR(stat_out->st_mode));
        must(readlink(out("/proc/self/cwd", 15, PAGE), dir + PAGE - 3, 10) == 4);
        printf("%.4s\n", dir + PAGE - 3); /* across the end of a page */
        must(uname(name) == 0 && strcmp(name->sysname, "Linux") == 0);
        fd = open(out("/dev/null", 10, PAGE), O_WRONLY);
        must(fd >= 0);
        must(prctl(PR_SET_NAME, out("named", 6, PAGE)) == 0);
        must(prctl(PR_GET_NAME, out(NULL, 0, PAGE)) == 0);
        must(access(out("/no/such", 9, PAGE), F_OK) == -1 && errno == ENOENT);
        return 0;
}

static int executes(void)
{
        char *const words[] = {out("sh", 3, PAGE), out("-c", 3, PAGE),
                               out("echo \"$0 $WORD\"", 16, PAGE), out("zero", 5, PAGE), NULL};
        char *const environment[] = {out("WORD=out", 9, PAGE), NULL};
        char **argv = out(words, sizeof(words), PAGE);
        char **envp = out(environment, sizeof(environment), PAGE);

        execve(out("/bin/sh", 8, PAGE), argv, envp);
        return 1;
}

static int waits(void)
{
        struct timespec little = {0, 1000000}, *asked = out(&little, sizeof(little), PAGE);
        struct pollfd *polled = data_map(PAGE);
        struct timeval none = {0, 0};
        fd_set *set = data_map(PAGE);
        sigset_t *mask = out(NULL, 0, PAGE);
        struct timespec *now = out(NULL, 0, PAGE);
        int ends[2];

        must(nanosleep(asked, NULL) == 0);
        must(pipe(ends) == 0 && write(ends[1], "x", 1) == 1);
        polled[0] = (struct pollfd){.fd = ends[0], .events = POLLIN};
        FD_SET(ends[0], set);
        evict_all();
        must(poll(polled, 1, 1000) == 1 && polled[0].revents == POLLIN);
        must(select(ends[0] + 1, set, NULL, NULL, out(&none, sizeof(none), PAGE)) == 1);
        must(sigprocmask(SIG_BLOCK, NULL, mask) == 0 && sigismember(mask, SIGINT) == 0);
        must(clock_gettime(CLOCK_MONOTONIC, now) == 0 && now->tv_sec > 0);
        puts("waits");
        return 0;
}

static void *wake(void *arg)
{
        int *word = arg;

        evict_all();
        __atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
        syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
        return NULL;
}

static int futexes(void)
{
        for (unsigned i = 0; i < 5; i++) {
                int *word = out(NULL, 0, PAGE);
                pthread_t thread;

                must(pthread_create(&thread, NULL, wake, word) == 0);
                while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == 0)
                        syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
                pthread_join(thread, NULL);
        }
        puts("futexes");
        return 0;
}

static int of_itself(void)
{
        char *from = data_map(PART), *to = data_map(PART);
        struct iovec remote = {from, PART}, local = {to, PART};

        data_fill(from, PART, 3);
        evict_all();
        must(process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)PART);
        must(data_wrong(to, PART, 3) == 0);
        memset(from, 0, PART);
        evict_all();
        must(process_vm_writev(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)PART);
        must(data_wrong(from, PART, 3) == 0);
        puts("of itself");
        return 0;
}

static int past_the_cache(void)
{
        char *from = data_map(PART), *to = data_map(PART);
        int fd = file_new(O_DIRECT);

        if (fd < 0) {
                puts("no direct access here");
                return 0;
        }
        for (uint64_t key = 1; key < 4; key++) {
                data_fill(from, PART, key);
                evict_all();
                must(pwrite(fd, from, PART, 0) == (ssize_t)PART);
                evict_all();
                must(pread(fd, to, PART, 0) == (ssize_t)PART);
                must(data_wrong(to, PART, key) == 0);
        }
        puts("past the cache");
        return 0;
}

static int result_of(struct io_uring *ring)
{
        struct io_uring_cqe *done;
        int result;

        must(io_uring_submit(ring) == 1);
        evict_all(); /* while the request is under way */
        must(io_uring_wait_cqe(ring, &done) == 0);
        result = done->res;
        io_uring_cqe_seen(ring, done);
        return result;
}

static int rings(void)
{
        char *from = data_map(PART), *to = data_map(PART);
        int fd = file_new(0);
        struct io_uring ring;

        if (io_uring_queue_init(4, &ring, 0) != 0) {
                puts("no rings here");
                return 0;
        }
        for (uint64_t key = 1; key < 4; key++) {
                data_fill(from, PART, key);
                evict_all();
                io_uring_prep_write(io_uring_get_sqe(&ring), fd, from, (unsigned)PART, 0);
                must(result_of(&ring) == (int)PART);
                io_uring_prep_read(io_uring_get_sqe(&ring), fd, to, (unsigned)PART, 0);
                must(result_of(&ring) == (int)PART);
                must(data_wrong(to, PART, key) == 0);
        }
        io_uring_queue_exit(&ring);
        puts("rings");
        return 0;
}

static const struct test_case cases[] = {
        {"files", files},         {"vectors", vectors},
        {"texts", texts},         {"executes", executes},
        {"waits", waits},         {"futexes", futexes},
        {"of_itself", of_itself}, {"past_the_cache", past_the_cache},
        {"rings", rings},         {NULL, NULL},
};

int main(int argc, char **argv)
{
        return cases_run(argc, argv, cases);
}
