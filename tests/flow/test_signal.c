/* SPDX-License-Identifier: MIT */
/*
 * test_signal.c - SIGBUS belongs to the program: its handlers, before and after ours, get what is
 * theirs, with the arguments the kernel gave; and signals of every kind meet paged memory.
 *
 * A foreign SIGBUS is an access beyond the end of a mapped file. Everything about handlers runs
 * with a pool of either delivery, as a program need not know which it has.
 */
#include "flaky_store.h"
#include "sigbus.h"
#include "probe.h"

#include <errno.h>
#include <pthread.h>
#include <sys/time.h>

#define PAGES 64u

static volatile sig_atomic_t calls, last_sig, last_code, last_arg_ok, mask_had_usr1, mask_had_bus;
static void *volatile last_addr;
static sigjmp_buf out;
static char *paged;

/* A sanitizer has handlers of its own; these tests begin as a program without any does. */
static void forget_handlers(void)
{
        signal(SIGBUS, SIG_DFL);
        signal(SIGSEGV, SIG_DFL);
}

static struct pg_pool *open_paged(int delivery)
{
        struct pg_pool *pool = open_frames(delivery, 16, 0);

        paged = map_pages(pool, PAGES, 0);
        return pool;
}

/* Faults in every page; true when all is well. */
static bool paging_works(void)
{
        for (unsigned i = 0; i < PAGES; i++)
                paged[i * PAGE + 8] = (char)(i + 1);
        for (unsigned i = 0; i < PAGES; i++)
                if (paged[i * PAGE + 8] != (char)(i + 1))
                        return false;
        return true;
}

/* An address whose access is SIGBUS, and not ours. */
static char *foreign_new(void)
{
        int fd = memfd_create("foreign", 0);
        char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        ck_assert_ptr_ne(at, MAP_FAILED);
        close(fd);
        return at;
}

static void note_mask(void)
{
        sigset_t now;

        pthread_sigmask(SIG_BLOCK, NULL, &now);
        mask_had_usr1 = sigismember(&now, SIGUSR1);
        mask_had_bus = sigismember(&now, SIGBUS);
}

static void on_info(int sig, siginfo_t *info, void *context)
{
        calls++;
        last_sig = sig;
        last_code = info->si_code;
        last_addr = info->si_addr;
        last_arg_ok = context != NULL;
        note_mask();
        siglongjmp(out, 1);
}

static void on_plain(int sig)
{
        calls++;
        last_sig = sig;
        note_mask();
        siglongjmp(out, 1);
}

static void on_counted(int sig)
{
        calls++;
        last_sig = sig;
}

static void install(bool with_info)
{
        struct sigaction act = {.sa_flags = with_info ? SA_SIGINFO : 0};

        if (with_info)
                act.sa_sigaction = on_info;
        else
                act.sa_handler = on_plain;
        sigaddset(&act.sa_mask, SIGUSR1);
        ck_assert_int_eq(sigaction(SIGBUS, &act, NULL), 0);
}

static void expect_own_handler(bool with_info)
{
        char *foreign = foreign_new();

        calls = 0;
        ck_assert(paging_works());
        ck_assert_int_eq(calls, 0);
        if (sigsetjmp(out, 1) == 0)
                touch(foreign + 300);
        ck_assert_int_eq(calls, 1);
        ck_assert_int_eq(last_sig, SIGBUS);
        ck_assert(mask_had_usr1 && mask_had_bus);
        if (with_info) {
                ck_assert_int_eq(last_code, BUS_ADRERR);
                ck_assert_ptr_eq(last_addr, foreign + 300);
                ck_assert(last_arg_ok);
        }
        note_mask();
        ck_assert(!mask_had_usr1 && !mask_had_bus);
        ck_assert(paging_works());
        ck_assert_int_eq(calls, 1);
}

/* ---- whose handler ------------------------------------------------------------------------- */

START_TEST(handler_installed_before_the_pool_gets_foreign_sigbus_only)
{
        struct pg_pool *pool;

        install(_i & 2);
        pool = open_paged(_i & 1);
        expect_own_handler(_i & 2);
        close_pool(pool);
}
END_TEST

START_TEST(handler_installed_after_the_pool_gets_foreign_sigbus_only)
{
        struct pg_pool *pool = open_paged(_i & 1);

        install(_i & 2);
        expect_own_handler(_i & 2);
        close_pool(pool);
}
END_TEST

START_TEST(handler_set_by_signal_is_honoured)
{
        struct pg_pool *pool = open_paged(_i);
        char *foreign = foreign_new();

        ck_assert_ptr_eq(signal(SIGBUS, on_plain), SIG_DFL);
        ck_assert(paging_works());
        calls = 0;
        if (sigsetjmp(out, 1) == 0)
                touch(foreign);
        ck_assert_int_eq(calls, 1);
        ck_assert_ptr_eq(signal(SIGBUS, SIG_DFL), on_plain);
        ck_assert(paging_works());
        close_pool(pool);
}
END_TEST

START_TEST(sigaction_answers_with_the_programs_own_handler)
{
        struct sigaction old, again;
        struct pg_pool *pool;

        install(true);
        pool = open_paged(_i);
        ck_assert_int_eq(sigaction(SIGBUS, NULL, &old), 0);
        ck_assert_ptr_eq(old.sa_sigaction, on_info);
        ck_assert_int_ne(old.sa_flags & SA_SIGINFO, 0);
        ck_assert_int_eq(sigismember(&old.sa_mask, SIGUSR1), 1);
        install(false);
        ck_assert_int_eq(sigaction(SIGBUS, &old, &again), 0);
        ck_assert_ptr_eq(again.sa_handler, on_plain);
        expect_own_handler(true);
        close_pool(pool);
}
END_TEST

START_TEST(handler_outlives_the_pool)
{
        struct pg_pool *pool;

        install(true);
        pool = open_paged(_i);
        close_pool(pool);
        pool = open_paged(_i);
        expect_own_handler(true);
        close_pool(pool);
}
END_TEST

START_TEST(handler_with_resethand_is_called_once)
{
        struct sigaction act = {.sa_handler = on_plain, .sa_flags = (int)SA_RESETHAND}, old;
        struct pg_pool *pool = open_paged(_i);
        char *foreign = foreign_new();

        ck_assert_int_eq(sigaction(SIGBUS, &act, NULL), 0);
        calls = 0;
        ck_assert(paging_works());
        if (sigsetjmp(out, 1) == 0)
                touch(foreign);
        ck_assert_int_eq(calls, 1);
        ck_assert_int_eq(sigaction(SIGBUS, NULL, &old), 0);
        ck_assert_ptr_eq(old.sa_handler, SIG_DFL);
        ck_assert(paging_works());
        close_pool(pool);
}
END_TEST

START_TEST(sent_sigbus_reaches_the_programs_handler)
{
        struct pg_pool *pool = open_paged(_i);

        signal(SIGBUS, on_counted);
        calls = 0;
        raise(SIGBUS);
        ck_assert_int_eq(calls, 1);
        kill(getpid(), SIGBUS);
        ck_assert_int_eq(calls, 2);
        ck_assert(paging_works());
        ck_assert_int_eq(calls, 2);
        close_pool(pool);
}
END_TEST

START_TEST(sent_sigbus_that_is_ignored_is_ignored)
{
        struct pg_pool *pool = open_paged(_i);

        signal(SIGBUS, SIG_IGN);
        raise(SIGBUS);
        ck_assert(paging_works());
        close_pool(pool);
}
END_TEST

START_TEST(sigbus_of_an_unloadable_page_goes_to_the_program)
{
        struct flaky *f = flaky_new(PAGES, PAGE, true);
        struct pg_pool *pool = open_paged(_i);
        char *map;

        install(true);
        map = map_store(pool, &f->store, PAGES, 0);
        atomic_store(&f->fail_load, EIO);
        calls = 0;
        if (sigsetjmp(out, 1) == 0)
                touch(map + 5 * PAGE + 77);
        ck_assert_int_eq(calls, 1);
        ck_assert_int_gt(last_code, 0);
        ck_assert_uint_eq((uintptr_t)last_addr & ~(PAGE - 1), (uintptr_t)map + 5 * PAGE);
        ck_assert(paging_works());
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

/* ---- the default: death -------------------------------------------------------------------- */

START_TEST(foreign_sigbus_without_a_handler_kills)
{
        open_paged(_i);
        ck_assert(paging_works());
        touch(foreign_new());
}
END_TEST

START_TEST(sent_sigbus_without_a_handler_kills)
{
        open_paged(_i);
        ck_assert(paging_works());
        raise(SIGBUS);
}
END_TEST

START_TEST(foreign_sigbus_kills_even_when_ignored)
{
        open_paged(_i);
        signal(SIGBUS, SIG_IGN);
        touch(foreign_new());
}
END_TEST

START_TEST(guard_page_is_sigsegv)
{
        open_paged(_i);
        touch(paged - 1);
}
END_TEST

/* ---- SIGSEGV and stacks -------------------------------------------------------------------- */

static void on_segv(int sig, siginfo_t *info, void *context)
{
        (void)context;
        last_sig = sig;
        last_addr = info->si_addr;
        siglongjmp(out, 1);
}

static int recurse(int depth)
{
        volatile char frame[4096];

        frame[0] = (char)depth;
        return depth == INT32_MAX ? frame[0] : recurse(depth + 1) + frame[0];
}

START_TEST(stack_overflow_and_sigsegv_are_left_alone)
{
        struct sigaction act = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO | SA_ONSTACK};
        struct pg_pool *pool = open_paged(_i);
        stack_t stack = {.ss_size = 64 << 10, .ss_sp = malloc(64 << 10)};

        ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
        ck_assert_int_eq(sigaction(SIGSEGV, &act, NULL), 0);
        if (sigsetjmp(out, 1) == 0)
                recurse(0);
        ck_assert_int_eq(last_sig, SIGSEGV);
        ck_assert(paging_works());
        if (sigsetjmp(out, 1) == 0)
                touch(paged + PAGES * PAGE);
        ck_assert_ptr_eq(last_addr, paged + PAGES * PAGE);
        sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
        free(stack.ss_sp);
        close_pool(pool);
}
END_TEST

static void on_usr1(int sig)
{
        last_arg_ok = paging_works();
        last_sig = sig;
}

/* A handler of the program's own that runs on a small stack, and faults there. A sanitizer's frames
 * are larger than ours. */
START_TEST(faults_on_an_alternate_stack_of_sigstksz_are_served)
{
        struct sigaction act = {.sa_handler = on_usr1, .sa_flags = SA_ONSTACK};
        size_t size = (size_t)sysconf(_SC_SIGSTKSZ) * (SANITIZER[0] ? 2 : 1);
        char *memory = malloc(size + 2 * PAGE);
        struct pg_pool *pool = open_paged(_i);
        stack_t stack = {.ss_size = size, .ss_sp = memory + PAGE};

        memset(memory, 0x5a, size + 2 * PAGE);
        ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
        ck_assert_int_eq(sigaction(SIGUSR1, &act, NULL), 0);
        raise(SIGUSR1);
        ck_assert(last_sig == SIGUSR1 && last_arg_ok);
        ck_assert_mem_eq(memory, memory + size + PAGE, PAGE);
        ck_assert_int_eq(memory[PAGE - 1], 0x5a);
        sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
        free(memory);
        close_pool(pool);
}
END_TEST

struct stack_job {
        size_t size, used;
        bool ok;
};

/* A thread whose faults are served on an alternate stack; tells how much of it that took. */
static void *on_small_stack(void *arg)
{
        struct stack_job *job = arg;
        size_t pages = (job->size + PAGE - 1) & ~(PAGE - 1);
        unsigned char *memory = mmap(NULL, pages + PAGE, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        unsigned char *base = memory + PAGE + pages - job->size;
        stack_t stack = {.ss_size = job->size, .ss_sp = base}, none = {.ss_flags = SS_DISABLE};

        mprotect(memory, PAGE, PROT_NONE);
        memset(base, 0x5a, job->size);
        if (sigaltstack(&stack, NULL) != 0)
                return NULL;
        job->ok = paging_works();
        sigaltstack(&none, NULL);
        while (job->used < job->size && base[job->used] == 0x5a)
                job->used++;
        job->used = job->size - job->used;
        return NULL;
}

/* The kernel's own frame, 4 KiB that a store may use, and 4 KiB for everything else. */
START_TEST(fault_needs_no_more_than_minsigstksz_and_8_kib_of_stack)
{
        struct pg_pool *pool = open_paged(PG_DELIVERY_SIGNAL);
        struct stack_job job = {.size = (size_t)sysconf(_SC_MINSIGSTKSZ) + 8192};
        struct stack_job roomy = {.size = 256 << 10};
        pthread_t thread;

        pthread_create(&thread, NULL, on_small_stack, &roomy);
        pthread_join(thread, NULL);
        ck_assert(roomy.ok);
        fprintf(stderr, "stack used by a fault: %zu bytes, of them the kernel's frame %ld\n",
                roomy.used, sysconf(_SC_MINSIGSTKSZ));
        ck_assert_uint_le(roomy.used, job.size);
        pthread_create(&thread, NULL, on_small_stack, &job);
        pthread_join(thread, NULL);
        ck_assert(job.ok);
        close_pool(pool);
}
END_TEST

START_TEST(errno_is_preserved_across_faults)
{
        struct flaky *f = flaky_new(PAGES, PAGE, true);
        struct pg_pool *pool = open_swap(_i, 8, 0, &f->store);

        paged = map_pages(pool, PAGES, 0);
        atomic_store(&f->sleep_us, 10); /* nanosleep may set errno, as much of a store may */
        errno = 4242;
        ck_assert(paging_works());
        ck_assert_int_eq(errno, 4242);
        ck_assert_int_eq(pg_page_out(pool, paged, PAGES * PAGE), 0);
        ck_assert_int_eq(pg_page_in(pool, paged, 4 * PAGE), 0);
        ck_assert_int_eq(pg_unmap(pool, paged + PAGE, PAGE), -EINVAL);
        ck_assert_int_eq(pg_unmap(pool, paged, PAGES * PAGE), 0);
        ck_assert_int_eq(errno, 4242);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

TESTS("signal")
{
        tcase_add_loop_test(tc, handler_installed_before_the_pool_gets_foreign_sigbus_only, 0, 4);
        tcase_add_loop_test(tc, handler_installed_after_the_pool_gets_foreign_sigbus_only, 0, 4);
        add_for_both(tc, handler_set_by_signal_is_honoured);
        add_for_both(tc, sigaction_answers_with_the_programs_own_handler);
        add_for_both(tc, handler_outlives_the_pool);
        add_for_both(tc, handler_with_resethand_is_called_once);
        add_for_both(tc, sent_sigbus_reaches_the_programs_handler);
        add_for_both(tc, sent_sigbus_that_is_ignored_is_ignored);
        add_for_both(tc, sigbus_of_an_unloadable_page_goes_to_the_program);
        tcase_add_loop_test_raise_signal(tc, foreign_sigbus_without_a_handler_kills, SIGBUS, 0, 2);
        tcase_add_loop_test_raise_signal(tc, sent_sigbus_without_a_handler_kills, SIGBUS, 0, 2);
        tcase_add_loop_test_raise_signal(tc, foreign_sigbus_kills_even_when_ignored, SIGBUS, 0, 2);
        tcase_add_loop_test_raise_signal(tc, guard_page_is_sigsegv, SIGSEGV, 0, 2);
        add_for_both(tc, stack_overflow_and_sigsegv_are_left_alone);
#ifndef __SANITIZE_THREAD__ /* its own frames alone are larger than these stacks */
        add_for_both(tc, faults_on_an_alternate_stack_of_sigstksz_are_served);
        tcase_add_test(tc, fault_needs_no_more_than_minsigstksz_and_8_kib_of_stack);
#else
        (void)faults_on_an_alternate_stack_of_sigstksz_are_served;
        (void)fault_needs_no_more_than_minsigstksz_and_8_kib_of_stack;
#endif
        add_for_both(tc, errno_is_preserved_across_faults);
        tcase_add_checked_fixture(tc, forget_handlers, NULL);
}
