/* SPDX-License-Identifier: MIT */
/*
 * pg_unmap under threads that touch the mapping: they get its content or SIGSEGV, nothing else, and
 * the pool goes on as if they had not been there.
 *
 * The mapping holds a page of every kind: born, clean, dirty, queued, swapped, pinned, poisoned,
 * and BUSY in a store that sleeps. Threads read and write all of them until they see SIGSEGV.
 */
#include "flaky_store.h"
#include "probe.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define NPAGES  ((size_t)32)
#define THREADS 3
#define POISON  ((size_t)30)
#define SLOW    ((size_t)31)

/* Addresses that pg_unmap gives back belong to whoever maps memory next, a sanitizer's runtime for
 * one, while the racers still touch them. So the test keeps them until its racers are gone. */
static struct {
        _Atomic(char *) inside; /* an address of the mapping that is going; NULL: none */
        void *addr;
        size_t len;
} kept;

int munmap(void *addr, size_t len)
{
        char *inside = atomic_load(&kept.inside);

        if (!inside || inside < (char *)addr || inside >= (char *)addr + len)
                return (int)syscall(SYS_munmap, addr, len);
        kept.addr = addr;
        kept.len = len;
        return syscall(SYS_mmap, addr, len, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == -1
                       ? -1
                       : 0;
}

static int unmap_and_keep(struct pg_pool *pool, char *addr)
{
        int error;

        kept.addr = NULL;
        atomic_store(&kept.inside, addr);
        error = pg_unmap(pool, addr, NPAGES * PAGE);
        atomic_store(&kept.inside, NULL);
        return error;
}

static void give_back(void)
{
        ck_assert_ptr_nonnull(kept.addr);
        ck_assert_int_eq(munmap(kept.addr, kept.len), 0);
}

struct racer {
        char *addr;
        unsigned number;
        uint64_t wrong_content, wrong_signal, poisoned;
        _Atomic unsigned *ready;
};

static uint64_t content(size_t page)
{
        return page < 4 || page >= POISON ? page : page + 1000;
}

/* Reads the first word, which nobody changes. */
MAY_RACE static int read_word(char *page, uint64_t *word)
{
        int sig = access_signal(page, false);

        if (sig == 0) {
                sig = sigsetjmp(probe_return, 1);
                if (sig == 0) {
                        probe_armed = 1;
                        *word = __atomic_load_n((uint64_t *)(void *)page, __ATOMIC_RELAXED);
                }
                probe_armed = 0;
        }
        return sig;
}

static void *race(void *arg)
{
        struct racer *r = arg;

        atomic_fetch_add(r->ready, 1);
        for (unsigned n = r->number * 7;; n++) {
                size_t page = n % NPAGES;
                char *addr = r->addr + page * PAGE;
                uint64_t word = content(page);
                int sig =
                        n % 3 ? read_word(addr, &word) : access_signal(addr + 64 + r->number, true);

                if (sig == SIGSEGV)
                        return NULL;
                r->wrong_content += word != content(page);
                r->poisoned += sig == SIGBUS && page == POISON;
                r->wrong_signal += sig == SIGBUS && page != POISON;
        }
}

static void *touch_slow(void *arg)
{
        char *page = arg;
        int sig = access_signal(page, false);

        return (void *)(intptr_t)(sig == SIGBUS);
}

/* Pages of a private mapping of the store, one or a few of each kind. */
static char *map_all_kinds(struct pg_pool *pool, struct flaky *f, pg_location base)
{
        char *addr = pg_map_unpaged(pool, base, NPAGES * PAGE, 0);

        ck_assert_ptr_nonnull(addr);
        pg_advise(pool, addr, NPAGES * PAGE, PG_ADVICE_RANDOM);
        check_pages(addr, 2, 0);                       /* clean; 2 and 3 stay born */
        fill_pages(addr + 4 * PAGE, POISON - 4, 1004); /* dirty */
        ck_assert_int_eq(pg_page_out(pool, addr + 8 * PAGE, 4 * PAGE), 0);
        ck_assert_int_eq(pg_pin(pool, addr + 12 * PAGE, 3 * PAGE), 0);
        ck_assert_int_eq(pg_advise(pool, addr + 20 * PAGE, 4 * PAGE, PG_ADVICE_COLD), 0);
        atomic_store(&f->fail_page, POISON);
        atomic_store(&f->fail_load, EIO);
        ck_assert_int_eq(access_signal(addr + POISON * PAGE, false), SIGBUS);
        return addr;
}

static void run(int delivery, uint32_t frames, unsigned rounds)
{
        struct flaky *f = flaky_new(NPAGES, PAGE, true);
        struct pg_pool *pool = open_frames(delivery, frames, 0);
        char *other = map_pages(pool, 8, 0);
        pg_location base;

        ck_assert_int_eq(pg_attach(pool, &f->store, &base), 0);
        probe_install();
        fill_pages(other, 8, 77);
        for (unsigned round = 0; round < rounds; round++) {
                char *addr = map_all_kinds(pool, f, base);
                struct racer racers[THREADS];
                pthread_t threads[THREADS], slow;
                _Atomic unsigned ready = 0;
                void *was_wrong;

                atomic_store(&f->sleep_us, 3000);
                pthread_create(&slow, NULL, touch_slow, addr + SLOW * PAGE);
                for (unsigned i = 0; i < THREADS; i++) {
                        racers[i] = (struct racer){.addr = addr, .number = i, .ready = &ready};
                        pthread_create(&threads[i], NULL, race, &racers[i]);
                }
                while (atomic_load(&ready) < THREADS)
                        usleep(100);
                usleep(round % 4 * 400);
                ck_assert_int_eq(unmap_and_keep(pool, addr), 0);
                atomic_store(&f->sleep_us, 0);
                pthread_join(slow, &was_wrong);
                ck_assert_ptr_null(was_wrong);
                for (unsigned i = 0; i < THREADS; i++) {
                        pthread_join(threads[i], NULL);
                        ck_assert_uint_eq(racers[i].wrong_content, 0);
                        ck_assert_msg(racers[i].wrong_signal == 0,
                                      "SIGBUS instead of SIGSEGV, round %u", round);
                }
                give_back();
                check_pages(other, 8, 77); /* the pool goes on */
                ck_assert_uint_eq(stats_of(pool).frames_pinned, 0);
                atomic_store(&f->fail_load, 0);
        }
        ck_assert_settles(stats_of(pool).frames_busy == 0);
        ck_assert_settles(stats_of(pool).frames_free + count_resident(pool, other, 8) == frames);
        close_pool(pool);
        flaky_delete(f);
}

START_TEST(threads_get_content_or_sigsegv)
{
        run(_i, 64, 20);
}
END_TEST

START_TEST(threads_get_content_or_sigsegv_while_pages_are_evicted)
{
        run(_i, 16, 20);
}
END_TEST

/* Many quick unmaps, so that faults meet every step of one. */
START_TEST(a_fault_may_meet_any_step_of_an_unmap)
{
        struct pg_pool *pool = open_frames(_i, 16, 0);
        char *other = map_pages(pool, 4, 0);

        probe_install();
        for (unsigned round = 0; round < 300; round++) {
                char *addr = map_pages(pool, NPAGES, 0);
                struct racer racers[2];
                pthread_t threads[2];
                _Atomic unsigned ready = 0;

                for (size_t i = 0; i < NPAGES; i++)
                        *(uint64_t *)(void *)(addr + i * PAGE) = content(i);
                for (unsigned i = 0; i < 2; i++) {
                        racers[i] = (struct racer){.addr = addr, .number = i, .ready = &ready};
                        pthread_create(&threads[i], NULL, race, &racers[i]);
                }
                while (atomic_load(&ready) < 2)
                        ;
                ck_assert_int_eq(unmap_and_keep(pool, addr), 0);
                for (unsigned i = 0; i < 2; i++) {
                        pthread_join(threads[i], NULL);
                        ck_assert_uint_eq(racers[i].wrong_content, 0);
                        ck_assert_msg(racers[i].wrong_signal + racers[i].poisoned == 0,
                                      "SIGBUS instead of SIGSEGV, round %u", round);
                }
                give_back();
                fill_pages(other, 4, round);
                check_pages(other, 4, round);
        }
        close_pool(pool);
}
END_TEST

TESTS("unmap_race")
{
        add_for_both(tc, threads_get_content_or_sigsegv);
        add_for_both(tc, threads_get_content_or_sigsegv_while_pages_are_evicted);
        add_for_both(tc, a_fault_may_meet_any_step_of_an_unmap);
}
