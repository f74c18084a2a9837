/* SPDX-License-Identifier: MIT */
/* steps_io.c - system calls that read and write the memory, also where only a part of it is there. */
#include "conformance.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static struct iovec part_of(struct range r)
{
        size_t skip = random_chance(50) ? 0 : below(PAGE);

        return (struct iovec){range_addr(r) + skip, range_size(r) - skip};
}

void step_output(void)
{
        struct range r = range_any(window_any(), WINDOW_PAGES);
        struct range s = range_any(window_any(), 8);
        struct iovec parts[2] = {part_of(r), part_of(s)};
        off_t at = (off_t)below(64) * (off_t)PAGE;

        if (random_chance(50))
                say_result(pwrite(state.scratch, parts[0].iov_base, parts[0].iov_len, at),
                           "pwrite %s from %zu bytes", range_name(r), parts[0].iov_len);
        else
                say_result(pwritev(state.scratch, parts, 2, at), "pwritev %s, %s from %zu bytes",
                           range_name(r), range_name(s), parts[0].iov_len);
}

void step_input(void)
{
        struct range r = range_any(window_any(), WINDOW_PAGES);
        struct range s = range_any(window_any(), 8);
        struct iovec parts[2] = {part_of(r), part_of(s)};
        off_t at = (off_t)below(64) * (off_t)PAGE;
        bool file = random_chance(30);

        if (random_chance(50))
                say_result(pread(file ? state.file : state.scratch, parts[0].iov_base,
                                 parts[0].iov_len, file ? 0 : at),
                           "pread %s into %zu bytes", range_name(r), parts[0].iov_len);
        else
                say_result(preadv(state.scratch, parts, 2, at), "preadv %s, %s into %zu bytes",
                           range_name(r), range_name(s), parts[0].iov_len);
        range_sum(r);
        range_sum(s);
}

/* From one range into another, by way of a pipe or a socket. */
void step_pipe(void)
{
        struct range from = range_any(window_any(), 8), to = range_any(window_any(), 8);
        bool socket = random_chance(40);
        ssize_t sent, received;
        int ends[2];

        if (socket ? socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends)
                   : pipe2(ends, O_NONBLOCK))
                give_up("pipe");
        sent = write(ends[1], range_addr(from), range_size(from));
        say_result(sent, "write %s", range_name(from));
        received = read(ends[0], range_addr(to), range_size(to));
        say_result(received, "read %s", range_name(to));
        range_sum(to);
        close(ends[0]);
        close(ends[1]);
}
