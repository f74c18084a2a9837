/* SPDX-License-Identifier: MIT */
/*
 * daemon.c - `daemon loop|close_range|closefrom MIB FILE`: fills memory, becomes a daemon that closes
 * all descriptors, changes its memory, and writes what it has to FILE.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_all(const char *way)
{
        long max = sysconf(_SC_OPEN_MAX);

        if (strcmp(way, "close_range") == 0) {
                close_range(0, ~0u, 0);
        } else if (strcmp(way, "closefrom") == 0) {
                closefrom(0);
        } else {
                for (int fd = 0; fd < max; fd++)
                        close(fd);
        }
        /* The lowest numbers are free again, and all they say is ours. */
        for (int fd = 0; fd < 3; fd++) {
                if (open("/dev/null", O_RDWR) != fd)
                        _exit(50 + fd);
        }
        for (int fd = 3; fd < 200; fd++) {
                int n = open("/dev/null", O_RDWR);

                if (n < 3 || write(n, "x", 1) != 1)
                        _exit(60);
        }
        for (int fd = 0; fd < 3; fd++) {
                if (dup2(199, fd) != fd)
                        _exit(70);
        }
}

static uint64_t sum(const uint64_t *v, size_t n)
{
        uint64_t s = 0;

        for (size_t i = 0; i < n; i++)
                s = s * 31 + v[i];
        return s;
}

/* The caller's parent has ended: it is somebody else now. */
static void wait_for_parent(pid_t parent)
{
        for (int i = 0; i < 5000 && getppid() == parent; i++)
                usleep(1000);
}

int main(int argc, char **argv)
{
        size_t n = argc > 2 ? (size_t)(atof(argv[2]) * (1 << 20)) / 16 : 0;
        uint64_t *heap = malloc(n * sizeof(*heap)), *map;
        char path[4096], text[128];
        pid_t first;
        int fd, length;

        map = mmap(NULL, n * sizeof(*map), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                   0);
        if (argc < 4 || !heap || map == MAP_FAILED || !getcwd(path, sizeof(path) / 2))
                return 2;
        snprintf(path + strlen(path), sizeof(path) / 2, "/%s", argv[3]);
        for (size_t i = 0; i < n; i++)
                heap[i] = map[n - 1 - i] = i * i;
        printf("%s: %lu\n", argv[1], (unsigned long)sum(heap, n));
        fflush(stdout);

        if (fork() != 0)
                _exit(0);
        setsid();
        first = getpid();
        if (fork() != 0)
                return 0; /* by exit(), with all its handlers */
        wait_for_parent(first);
        if (chdir("/") != 0)
                _exit(80);
        umask(0);
        close_all(argv[1]);
        for (size_t i = 0; i < n; i += 3) {
                heap[i] ^= map[i];
                map[n - 1 - i] += heap[i];
        }
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
        length = snprintf(text, sizeof(text), "%lu %lu\n", (unsigned long)sum(heap, n),
                          (unsigned long)sum(map, n));
        if (write(fd, text, (size_t)length) != length)
                _exit(90);
        return 0;
}
