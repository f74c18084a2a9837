/* SPDX-License-Identifier: MIT */
/*
 * store_file_support.h - what the tests of the file store share: files, stores on them, pages.
 */
#ifndef UNPAGED_TESTS_STORE_FILE_SUPPORT_H
#define UNPAGED_TESTS_STORE_FILE_SUPPORT_H

#include "../run_tests.h"
#include "bench_util.h"

#include <unpaged/stores.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u

enum way {
        CACHED,
        DIRECT,
        DIRECT_RING,
        WAYS,
};

static inline void skip(const char *test, const char *reason)
{
        printf("skip: %s: %s\n", test, reason);
        fflush(stdout);
}

/* A file without a name, on the filesystem of the working directory. */
static inline int scratch_file(off_t size)
{
        char name[] = "./store_file.XXXXXX";
        int fd = mkstemp(name);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(unlink(name), 0);
        ck_assert_int_eq(ftruncate(fd, size), 0);
        return fd;
}

/* As pg_store_file, in the given way, and ready for use as a pool would make it. */
static inline int try_store(struct pg_store **store, enum way way, struct pg_file_config config)
{
        int err;

        config.size = sizeof(config);
        if (way != CACHED)
                config.flags |= PG_FILE_DIRECT;
        if (way == DIRECT)
                ck_assert_int_eq(setenv("UNPAGED_MASK_FEATURES", "move,uring", 1), 0);
        err = pg_store_file(store, &config);
        unsetenv("UNPAGED_MASK_FEATURES");
        if (err == 0)
                (*store)->page_size = PAGE;
        return err;
}

/* NULL: this filesystem has no O_DIRECT, and the test skips. */
static inline struct pg_store *store_or_skip(const char *test, enum way way,
                                             struct pg_file_config config)
{
        struct pg_store *store = NULL;
        int err = try_store(&store, way, config);

        if (err == -EINVAL && way != CACHED) {
                skip(test, "O_DIRECT is refused here");
                return NULL;
        }
        ck_assert_int_eq(err, 0);
        return store;
}

static inline struct pg_store *cached_store(struct pg_file_config config)
{
        return store_or_skip("", CACHED, config);
}

static inline void close_store(struct pg_store *store)
{
        ck_assert_int_eq(pg_store_close(store), 0);
}

static inline void *pages_new(size_t npages)
{
        void *pages = mmap(NULL, npages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                           -1, 0);

        ck_assert_ptr_ne(pages, MAP_FAILED);
        return pages;
}

static inline void pages_free(void *pages, size_t npages)
{
        munmap(pages, npages * PAGE);
}

static inline void fill(void *pages, size_t npages, uint64_t seed)
{
        uint64_t *words = pages;

        for (size_t i = 0; i < npages * PAGE / sizeof(*words); i++)
                words[i] = (seed + i) * UINT64_C(0x9E3779B97F4A7C15);
}

static inline bool all_bytes(const void *memory, size_t size, unsigned char byte)
{
        const unsigned char *bytes = memory;

        for (size_t i = 0; i < size; i++) {
                if (bytes[i] != byte)
                        return false;
        }
        return true;
}

static inline off_t file_size(int fd)
{
        struct stat stat;

        ck_assert_int_eq(fstat(fd, &stat), 0);
        return stat.st_size;
}

#endif
