/* SPDX-License-Identifier: MIT */
/*
 * fake_preload.c - stands in for the preloaded library: each process that loads it appends to the
 * file FAKE_PRELOAD_OUT a line "program <name>", and its LD_PRELOAD and UNPAGED_* variables.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((constructor)) static void tell(void)
{
        const char *path = getenv("FAKE_PRELOAD_OUT");
        int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : -1;

        if (fd < 0)
                return;
        dprintf(fd, "program %s\n", program_invocation_short_name);
        for (char **at = environ; *at; at++)
                if (strncmp(*at, "UNPAGED_", 8) == 0 || strncmp(*at, "LD_PRELOAD=", 11) == 0)
                        dprintf(fd, "%s\n", *at);
        close(fd);
}
