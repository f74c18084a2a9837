/* SPDX-License-Identifier: MIT */
/*
 * fatal.c - errors that end a thread, and the console that tells of them.
 *
 * The order is Zephyr's: a message, the program's handler, the end of the thread. All that the
 * thread had locked is given back before the handler runs, since that may leave by a jump.
 */
#include "machine.h"

#include <unistd.h>

static int console = STDOUT_FILENO;

void unpaged_console_to_stderr(void)
{
        console = STDERR_FILENO;
}

/* Written at once: it must work in handlers, and before a process that ends in one. */
void vprintk(const char *format, va_list arguments)
{
        char text[1024], *at = text;
        int length = vsnprintf(text, sizeof(text), format, arguments);
        size_t left = length < 0 ? 0 : MIN((size_t)length, sizeof(text) - 1);

        while (left != 0) {
                ssize_t n = write(console, at, left);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return;
                at += n;
                left -= (size_t)n;
        }
}

void printk(const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vprintk(format, arguments);
        va_end(arguments);
}

static const char *text_of(unsigned int reason)
{
        switch (reason) {
        case K_ERR_CPU_EXCEPTION:
                return "no mapping allows this access, or no frame can be freed for its page";
        case K_ERR_KERNEL_OOPS:
                return "kernel oops";
        case K_ERR_KERNEL_PANIC:
                return "kernel panic";
        default:
                return "see zephyr/fatal_types.h, or the program's own reasons";
        }
}

void z_fatal_error(unsigned int reason, const struct arch_esf *esf)
{
        unpaged_lock_drop_all();
        printk("FATAL ERROR %u: %s", reason, text_of(reason));
        if (esf && reason == K_ERR_CPU_EXCEPTION)
                printk(" (%p)", esf->address);
        printk("\n");
        k_sys_fatal_error_handler(reason, esf);
        unpaged_thread_end();
}

__weak void k_sys_fatal_error_handler(unsigned int reason, const struct arch_esf *esf)
{
        ARG_UNUSED(esf);
        if (!ztest_fatal(reason))
                k_fatal_halt(reason);
}

void k_fatal_halt(unsigned int reason)
{
        printk("halted: fatal error %u\n", reason);
        irq_lock();
        unpaged_trace_end();
        _exit(1);
}

void z_except_reason(unsigned int reason)
{
        z_fatal_error(reason, NULL);
}

void k_panic(void)
{
        z_except_reason(K_ERR_KERNEL_PANIC);
}

void k_oops(void)
{
        z_except_reason(K_ERR_KERNEL_OOPS);
}
