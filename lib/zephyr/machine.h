/* SPDX-License-Identifier: MIT */
/* machine.h - what the parts of the machine offer each other, from the ground up. README.md has the
 * picture; each part's source says how it works. The names begin with unpaged_, as they are linked
 * into a program to which all others belong. */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kernel_arch_interface.h>
#include <kernel_internal.h>
#include <mmu.h>

#define PAGE_SIZE ((size_t)CONFIG_MMU_PAGE_SIZE)
_Static_assert(CONFIG_MMU_PAGE_SIZE == 4096,
               "the machine maps pages of the host, which are 4096 bytes");

/* ---- lock.c: interrupts, and the right to move pages ---------------------------------------- */

/* What threads wait for. */
enum awaited {
        AWAIT_PAGER,   /* nobody moves pages */
        AWAIT_OBJECTS, /* a mutex, a semaphore, a slab, the end of a thread */
        AWAIT_TIMERS,  /* the timers that run are others */
        AWAITED,
};

/* With interrupts locked; they are unlocked while it waits. False: the deadline (monotonic clock,
 * nanoseconds; negative: none) has passed. */
bool unpaged_lock_wait(enum awaited what, int64_t deadline_ns);
void unpaged_lock_wake(enum awaited what);
/* Waits until is_so(object), which AWAIT_OBJECTS announces. 0; -EBUSY, -EAGAIN: not so, after no
 * or some waiting, which begins now. */
int unpaged_lock_wait_for(bool (*is_so)(const void *object), const void *object,
                          k_timeout_t timeout);

/* Takes the interrupt lock and the pager, which only one thread has; unpaged_mm_unlock() gives
 * back both. A thread that has the pager already ends: it touched paged memory while it moved a
 * page. */
unsigned int unpaged_mm_lock(void);
void unpaged_mm_unlock(unsigned int key);

/* Around the calls of a store in which other threads may run, if the options say so. */
void unpaged_mm_relax(unsigned int key);
void unpaged_mm_resume(void);

/* Gives back all that the calling thread holds, however often it took it. */
void unpaged_lock_drop_all(void);
/* Interrupts are unlocked around sleeps; locked again as often as they were. */
unsigned int unpaged_lock_sleep_begin(void);
void unpaged_lock_sleep_end(unsigned int held);

/* ---- memory.c: physical memory -------------------------------------------------------------- */

void unpaged_memory_start(size_t frames);
/* Maps pages of it at any address of the host. -ENOMEM: the host refused; -EINVAL: no memory
 * there. */
int unpaged_memory_map(void *virt, uintptr_t phys, size_t size, int protection);
/* The first frame of the image, and how many there are; 0 if the image has found no room. */
size_t unpaged_memory_image_frames(size_t *first);

/* ---- page_table.c --------------------------------------------------------------------------- */

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_EXECUTE };

void unpaged_page_table_start(void);
/* A fault of the calling thread. True: the instruction may try again. */
bool unpaged_page_table_fault(void *address, enum access access);

/* ---- trace.c -------------------------------------------------------------------------------- */

enum traced {
        TRACED_IN,
        TRACED_WRITTEN,
        TRACED_HIDDEN, /* by the eviction algorithm */
        TRACED_TOUCHED,
        TRACED_OUT,
        TRACED_UNMAPPED,
};

void unpaged_trace_start(size_t frames);
/* With interrupts locked. `dirty`: it is modified, or was and had to be saved. */
void unpaged_trace_page(enum traced what, const void *address, bool dirty);
void unpaged_trace_end(void);

/* ---- frame.c -------------------------------------------------------------------------------- */

void unpaged_frame_start(size_t frames);
struct k_mem_page_frame *unpaged_frame_take_free(void); /* NULL: none is free. Its word is 0. */
void unpaged_frame_put_free(struct k_mem_page_frame *pf);
void unpaged_frame_set_page(struct k_mem_page_frame *pf, void *address);

/* ---- region.c: virtual addresses ------------------------------------------------------------ */

void *unpaged_region_take(size_t size); /* NULL: none so long is free */
void unpaged_region_put(void *address, size_t size);

/* ---- paging.c: pages come and go ------------------------------------------------------------ */

#ifdef CONFIG_DEMAND_PAGING
/* For a mapping that needs its frame now: takes it from another page. 0 and the frame, whose word
 * is 0; -ENOMEM. With the pager. */
int unpaged_paging_steal_frame(struct k_mem_page_frame **pf);
#endif

/* ---- statistics.c --------------------------------------------------------------------------- */

#ifdef CONFIG_DEMAND_PAGING
void unpaged_statistics_start(void);
void unpaged_statistics_fault(bool interrupts_locked);
void unpaged_statistics_eviction(bool dirty);

enum duration {
        DURATION_SELECT,
        DURATION_PAGE_IN,
        DURATION_PAGE_OUT,
        DURATIONS,
};

/* Something that ends now took since `start`, which unpaged_statistics_clock() said. */
uint64_t unpaged_statistics_clock(void);
void unpaged_statistics_note(enum duration of, uint64_t start);

/* ---- transfer.c: between the scratch page and the store ------------------------------------- */

void unpaged_transfer_in(uintptr_t location);
void unpaged_transfer_out(uintptr_t location);
#endif

/* ---- signal.c, thread.c, timer.c, start.c ---------------------------------------------------- */

void unpaged_signal_start(void);
/* A stack for the fault handler of the calling thread; taken back before the thread ends. */
void unpaged_signal_stack_start(void);
void unpaged_signal_stack_end(void);

struct k_thread *unpaged_thread_current(void);
/* Ends the calling thread; as main thread, what runs on it. Gives back its locks. */
FUNC_NORETURN void unpaged_thread_end(void);
/* The calling thread is a timer's. */
void unpaged_thread_is_isr(void);

/* Nanoseconds of the monotonic clock. */
int64_t unpaged_clock_ns(void);
/* The end of a wait that begins now, as unpaged_lock_wait() wants it. */
int64_t unpaged_clock_deadline(k_timeout_t timeout);

/* A mistake in how the program was started: says so and exits with status 2. */
FUNC_NORETURN __printf_like(1, 2) void unpaged_start_refuse(const char *format, ...);
/* The console's lines go to standard error from now on. */
void unpaged_console_to_stderr(void);

/* ---- histogram.c, ztest.c ----------------------------------------------------------------- */

/* Prints the histograms, or draws them into an SVG file. */
void unpaged_histogram_report(const char *path);

/* A fatal error met the running test: decides what it was worth. False: no test runs. */
bool ztest_fatal(unsigned int reason);

#endif
