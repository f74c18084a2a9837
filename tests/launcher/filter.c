/* SPDX-License-Identifier: MIT */
/*
 * filter.c - filter ERRNO COMMAND...: executes the command under a filter of system calls that lets
 * userfaultfd(2) fail with this number, as containers do: EPERM where the filter names it, ENOSYS
 * where it knows nothing of it. Ends with 77 where filters cannot be had.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
        const unsigned error = argc > 2 ? (unsigned)atoi(argv[1]) : 0;
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_userfaultfd, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error & SECCOMP_RET_DATA)),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

        if (argc < 3)
                return 2;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
                perror("filter");
                return 77;
        }
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        return 1;
}
