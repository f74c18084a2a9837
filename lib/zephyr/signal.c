/* SPDX-License-Identifier: MIT */
/*
 * signal.c - how a fault of the processor arrives: SIGSEGV, on the thread that touched the page.
 *
 * The handler has a stack of its own, as algorithms, stores and the program's fatal error handler
 * run on it. Other signals are held back meanwhile; SIGSEGV is not, since a fatal error handler may
 * print what lies in paged memory. Whether the access was a write is what the processor says.
 *
 * A fault that no mapping explains, anywhere in the process, is a fatal error with reason
 * K_ERR_CPU_EXCEPTION. So is SIGBUS, which a physical memory that the host cannot provide brings.
 */
#include "machine.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#ifdef __SANITIZE_THREAD__
/* These signals are ours; and the sanitizer would ask for them before it can run what it is
 * asked by, the library's sigaction(). */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
        return "handle_segv=0:handle_sigbus=0";
}
#endif

/* Stores may be any code; what is not touched costs nothing. */
#define STACK_BYTES ((size_t)512 << 10)

static _Thread_local stack_t stack_before;

#if defined(__x86_64__)
static enum access access_of(const ucontext_t *context)
{
        unsigned long code = (unsigned long)context->uc_mcontext.gregs[REG_ERR];

        return code & 0x10 ? ACCESS_EXECUTE : code & 2 ? ACCESS_WRITE : ACCESS_READ;
}
#elif defined(__aarch64__)
/* The exception's syndrome is in one of the records that the kernel appends. */
static enum access access_of(const ucontext_t *context)
{
        const uint8_t *at = context->uc_mcontext.__reserved;
        const uint8_t *end = at + sizeof(context->uc_mcontext.__reserved);

        while (at + sizeof(struct _aarch64_ctx) <= end) {
                const struct _aarch64_ctx *record = (const void *)at;

                if (record->magic == ESR_MAGIC) {
                        uint64_t esr = ((const struct esr_context *)record)->esr;

                        return esr >> 26 == 0x20 ? ACCESS_EXECUTE
                               : esr & 0x40      ? ACCESS_WRITE
                                                 : ACCESS_READ;
                }
                if (record->magic == 0 || record->size == 0)
                        break;
                at += record->size;
        }
        return ACCESS_READ;
}
#else
#error "how a write fault is told from a read is known for x86-64 and arm64"
#endif

static void handle(int number, siginfo_t *info, void *context)
{
        struct arch_esf esf = {.address = info->si_addr, .context = context};
        int error = errno;

        if (number == SIGSEGV && (info->si_code == SEGV_MAPERR || info->si_code == SEGV_ACCERR) &&
            unpaged_page_table_fault(info->si_addr, access_of(context))) {
                errno = error;
                return;
        }
        z_fatal_error(K_ERR_CPU_EXCEPTION, &esf);
}

void unpaged_signal_stack_start(void)
{
        stack_t stack = {.ss_size = STACK_BYTES};

        stack.ss_sp = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
        if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, &stack_before) != 0)
                unpaged_start_refuse("no stack for fault handlers: %s", strerror(errno));
}

void unpaged_signal_stack_end(void)
{
        stack_t ours;

        if (sigaltstack(&stack_before, &ours) == 0)
                munmap(ours.ss_sp, STACK_BYTES);
}

void unpaged_signal_start(void)
{
        struct sigaction action = {.sa_sigaction = handle,
                                   .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

        unpaged_signal_stack_start();
        sigfillset(&action.sa_mask);
        sigdelset(&action.sa_mask, SIGSEGV);
        if (sigaction(SIGSEGV, &action, NULL) != 0 || sigaction(SIGBUS, &action, NULL) != 0)
                unpaged_start_refuse("no handler for faults: %s", strerror(errno));
}
