/* SPDX-License-Identifier: MIT */
/*
 * start.c - the machine is switched on: before main(), by the last of the constructors, which have
 * listed what SYS_INIT() wants to run.
 */
#include "machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static struct unpaged_init *inits; /* sorted */

void unpaged_start_refuse(const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        fprintf(stderr, "%s: ", program_invocation_short_name);
        vfprintf(stderr, format, arguments);
        fputc('\n', stderr);
        va_end(arguments);
        exit(2);
}

void unpaged_init_register(struct unpaged_init *entry)
{
        struct unpaged_init **at = &inits;

        while (*at && ((*at)->level < entry->level ||
                       ((*at)->level == entry->level && (*at)->priority <= entry->priority)))
                at = &(*at)->next;
        entry->next = *at;
        *at = entry;
}

static size_t frames_wanted(void)
{
        const char *text = secure_getenv("UNPAGED_ZEPHYR_FRAMES");
        char *end;
        unsigned long frames;

        if (!text)
                return KB(CONFIG_SRAM_SIZE) / PAGE_SIZE;
        errno = 0;
        frames = strtoul(text, &end, 10);
        if (errno != 0 || end == text || *end || frames == 0 || frames > K_MEM_NUM_PAGE_FRAMES)
                unpaged_start_refuse("UNPAGED_ZEPHYR_FRAMES=%s: must be a number from 1 to %zu "
                                     "(CONFIG_UNPAGED_FRAMES_MAX)",
                                     text, K_MEM_NUM_PAGE_FRAMES);
        return frames;
}

__attribute__((constructor)) static void start(void)
{
        size_t frames = frames_wanted();

        setvbuf(stdout, NULL, _IOLBF, 0); /* in step with printk() */
        unpaged_memory_start(frames);
        unpaged_page_table_start();
        unpaged_frame_start(frames);
        unpaged_trace_start(frames);
        unpaged_signal_start();
#ifdef CONFIG_DEMAND_PAGING
        unpaged_statistics_start();
        k_mem_paging_backing_store_init();
        k_mem_paging_eviction_init();
#endif
        for (struct unpaged_init *entry = inits; entry; entry = entry->next)
                entry->function();
}

#ifdef CONFIG_ASSERT_NO_FILE_INFO
__weak void assert_post_action(void)
#else
__weak void assert_post_action(const char *file, unsigned int line)
#endif
{
#ifndef CONFIG_ASSERT_NO_FILE_INFO
        ARG_UNUSED(file);
        ARG_UNUSED(line);
#endif
        k_panic();
}
