/* SPDX-License-Identifier: MIT */
/* machine.c - the machine in one line, and an orderly end whatever happens. */
#include "machine.h"
#include "uffd_floor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define FEATURE_THREAD_ID (1ull << 8)
#define FEATURE_POISON    (1ull << 14)
#define FEATURE_MOVE      (1ull << 16)

volatile sig_atomic_t interrupted;
static pid_t owner; /* children of fork put nothing back */

int file_put(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CLOEXEC), error = 0;

        if (fd < 0)
                return errno;
        if (write(fd, text, strlen(text)) < 0)
                error = errno;
        close(fd);
        return error;
}

bool file_get(const char *path, char *text, size_t size)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);

        if (fd >= 0)
                close(fd);
        if (got < 0)
                return false;
        text[got] = '\0';
        text[strcspn(text, "\n")] = '\0';
        return true;
}

static void note_interruption(int sig)
{
        interrupted = sig;
}

static void put_back(void)
{
        if (getpid() != owner)
                return;
        cgroup_put_back();
        swap_put_back();
}

void machine_begin(void)
{
        const int signals[] = {SIGINT, SIGTERM, SIGHUP};
        struct sigaction note = {.sa_handler = note_interruption}, before;

        owner = getpid();
        atexit(put_back);
        for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
                sigaction(signals[i], NULL, &before);
                if (before.sa_handler != SIG_IGN) /* nohup(1) */
                        sigaction(signals[i], &note, NULL);
        }
        signal(SIGPIPE, SIG_IGN);
}

static void find_cpu(char *name, size_t size)
{
        FILE *info = fopen("/proc/cpuinfo", "re");
        char line[256];

        snprintf(name, size, "CPU unknown");
        while (info && fgets(line, sizeof(line), info)) {
                char *colon = strchr(line, ':');

                if (strncmp(line, "model name", 10) != 0 || !colon)
                        continue;
                line[strcspn(line, "\n\"\\")] = '\0';
                snprintf(name, size, "%.63s", colon + 2);
                break;
        }
        if (info)
                fclose(info);
}

static uint64_t uffd_features(void)
{
        struct floor_api api = {.api = FLOOR_API};
        int fd = floor_open(true);

        if (fd < 0)
                return 0;
        if (ioctl(fd, FLOOR_UFFDIO_API, &api) != 0)
                api.features = 0;
        close(fd);
        return api.features;
}

void machine_print(FILE *json)
{
        const char *masked = getenv("UNPAGED_MASK_FEATURES");
        char cpu[64], cluster[16] = "none", swappiness[16] = "none", huge[64] = "none";
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        uint64_t features = uffd_features();
        bool move = features & FEATURE_MOVE, poison = features & FEATURE_POISON;
        bool thread_id = features & FEATURE_THREAD_ID;
        size_t memory = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE) >> 20;
        char cgroup[40] = "";
        struct utsname system;

        uname(&system);
        find_cpu(cpu, sizeof(cpu));
        file_get("/proc/sys/vm/page-cluster", cluster, sizeof(cluster));
        file_get("/proc/sys/vm/swappiness", swappiness, sizeof(swappiness));
        file_get("/sys/kernel/mm/transparent_hugepage/enabled", huge, sizeof(huge));
        if (cgroup_version() > 0)
                snprintf(cgroup, sizeof(cgroup), "cgroup v%d, zram lz4, ", cgroup_version());
        printf("%s %s %s, %s, %ld CPUs, %zu MiB; %sswappiness %s, page-cluster %s, huge pages %s; "
               "userfaultfd:%s%s%s%s%s\n",
               system.sysname, system.release, system.machine, cpu, cpus, memory, cgroup,
               swappiness, cluster, huge, move ? " move" : "", poison ? " poison" : "",
               thread_id ? " thread_id" : "", masked ? ", masked: " : "", masked ? masked : "");
        if (json)
                fprintf(json,
                        "{\"bench\":\"rivals\",\"machine\":{\"kernel\":\"%s\",\"machine\":\"%s\","
                        "\"cpu\":\"%s\",\"cpus\":%ld,\"memory_mib\":%zu,\"cgroup\":%d,"
                        "\"zram\":\"lz4\",\"swappiness\":\"%s\",\"page_cluster\":\"%s\","
                        "\"huge_pages\":\"%s\",\"move\":%s,\"poison\":%s,\"thread_id\":%s,"
                        "\"masked\":\"%s\"}}\n",
                        system.release, system.machine, cpu, cpus, memory, cgroup_version(),
                        swappiness, cluster, huge, move ? "true" : "false",
                        poison ? "true" : "false", thread_id ? "true" : "false",
                        masked ? masked : "");
}
