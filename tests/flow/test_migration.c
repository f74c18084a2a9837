/* SPDX-License-Identifier: MIT */
/*
 * Pages survive while the kernel migrates them. A UFFDIO_MOVE that meets a migrating page can stop
 * half-way, having moved more pages than it says (seen on Linux 6.18): who believes the number
 * loses the rest. Compaction, which any process may trigger by wanting memory, is triggered here by
 * root.
 */
#include "probe.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#define NPAGES ((size_t)1024)

static void *compact(void *arg)
{
        _Atomic bool *stop = arg;
        int fd = open("/proc/sys/vm/compact_memory", O_WRONLY | O_CLOEXEC);

        while (!atomic_load(stop)) {
                if (pwrite(fd, "1", 1, 0) != 1)
                        break;
                usleep(20000);
        }
        close(fd);
        return NULL;
}

START_TEST(pages_survive_migration)
{
        _Atomic bool stop = false;
        pthread_t compactor;

        if (access("/proc/sys/vm/compact_memory", W_OK) != 0) {
                fprintf(stderr, "skipped: only root may compact memory\n");
                return;
        }
        pthread_create(&compactor, NULL, compact, &stop);
        for (uint64_t round = 0; round < 10; round++) {
                struct pg_pool *pool = open_frames(_i, 128, 0);
                char *addr = map_pages(pool, NPAGES, 0);

                fill_pages(addr, NPAGES, round << 32 | 1);
                check_pages(addr, NPAGES, round << 32 | 1);
                check_pages(addr, NPAGES, round << 32 | 1);
                close_pool(pool);
        }
        atomic_store(&stop, true);
        pthread_join(compactor, NULL);
}
END_TEST

TESTS("migration")
{
        add_for_both(tc, pages_survive_migration);
}
