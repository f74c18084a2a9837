/* SPDX-License-Identifier: MIT */
/*
 * demo_input.c - real data to work on: the files below /usr/lib, one after the other.
 *
 * The files are taken in the order of their names, so the same machine gives the same input. The
 * result has no name any more when it is ready, so it goes away with the program, however that
 * ends; plain tools read it as /dev/fd/N.
 */
#include "demo.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOURCE "/usr/lib"

static char buffer[BUFFER_BYTES];

static int unnamed_file(void)
{
        const char *folder = getenv("TMPDIR");
        char path[4096];
        int fd;

        folder = folder && *folder ? folder : "/tmp";
        snprintf(path, sizeof(path), "%s/unpaged-demo-XXXXXX", folder);
        fd = mkstemp(path);
        if (fd < 0)
                fail("cannot make a file in %s: %s. Set TMPDIR to a folder that can be written.",
                     folder, strerror(errno));
        unlink(path);
        return fd;
}

static void write_all(int fd, const char *from, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, from, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        fail("cannot write the input: %s. Set TMPDIR to a folder with more room, "
                             "or name a file of yours by --file.",
                             strerror(errno));
                from += n;
                size -= (size_t)n;
        }
}

void read_all(int fd, void *to, size_t size, size_t offset)
{
        char *at = to;

        while (size > 0) {
                ssize_t n = pread(fd, at, size, (off_t)offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        fail("cannot read the input: %s", n < 0 ? strerror(errno) : "it shrank");
                at += n;
                size -= (size_t)n;
                offset += (size_t)n;
        }
}

/* Appends a file's content; returns the size reached. What cannot be read is passed over. */
static size_t append(struct demo *demo, int to, const char *path, size_t have, size_t size)
{
        int from = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        if (from < 0)
                return have;
        while (have < size && (n = read(from, buffer, sizeof(buffer))) > 0) {
                size_t take = (size_t)n < size - have ? (size_t)n : size - have;

                write_all(to, buffer, take);
                have += take;
                step_at(demo, have);
        }
        close(from);
        return have;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
        return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Goes through all files once. */
static size_t append_tree(struct demo *demo, int to, size_t have, size_t size)
{
        char *roots[] = {(char[]){SOURCE}, NULL};
        FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
        FTSENT *entry;

        if (!tree)
                fail("cannot read " SOURCE ": %s", strerror(errno));
        while (have < size && (entry = fts_read(tree)) != NULL)
                if (entry->fts_info == FTS_F)
                        have = append(demo, to, entry->fts_accpath, have, size);
        fts_close(tree);
        return have;
}

int input_make(struct demo *demo, size_t size)
{
        int fd = unnamed_file();
        size_t have = 0;

        step_begin(demo, "copy files of " SOURCE " into one", size);
        while (have < size) {
                size_t before = have;

                have = append_tree(demo, fd, have, size);
                if (have == before)
                        fail("there is nothing to read in " SOURCE ". Name a file by --file.");
        }
        step_end(demo);
        return fd;
}

int input_copy(const struct demo *demo, size_t size)
{
        int fd = unnamed_file();

        for (size_t at = 0; at < size; at += BUFFER_BYTES) {
                size_t n = size - at < BUFFER_BYTES ? size - at : BUFFER_BYTES;

                read_all(demo->fd, buffer, n, at);
                write_all(fd, buffer, n);
        }
        return fd;
}
