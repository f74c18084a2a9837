/* SPDX-License-Identifier: MIT */
/* deepbind.c - the C library's functions, found in the C library itself: by libraries opened with
 * RTLD_DEEPBIND, and by programs that ask for them by name. */
#include "case.h"

#include <dlfcn.h>

#define BLOCK  ((size_t)1000)
#define BLOCKS (DATA / BLOCK)

static struct {
        const char *(*name)(void);
        char *(*make)(size_t size);
        void (*drop)(void *memory);
        char *(*resize)(void *memory, size_t size);
        void *(*map)(size_t size);
        int (*unmap)(void *addr, size_t size);
        void *(*open)(const char *name);
} library;

static char *blocks[BLOCKS];

__attribute__((visibility("default"))) const char *name_of_mine(void);
const char *name_of_mine(void)
{
        return "the program's";
}

static void library_load(void *handle)
{
        static const char *const names[] = {"library_name",   "library_make", "library_drop",
                                            "library_resize", "library_map",  "library_unmap",
                                            "library_open"};

        must(handle);
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                void *at = dlsym(handle, names[i]);

                must(at);
                memcpy((char *)&library + i * sizeof(at), &at, sizeof(at));
        }
}

static void library_open_deep(void)
{
        library_load(dlopen("libdeepbind-library.so", RTLD_NOW | RTLD_DEEPBIND));
}

static void blocks_make(char *(*make)(size_t size))
{
        for (size_t i = 0; i < BLOCKS; i++) {
                blocks[i] = make(BLOCK);
                must(blocks[i]);
                data_fill(blocks[i], BLOCK, i);
        }
        evict_all();
        for (size_t i = 0; i < BLOCKS; i++)
                must(data_wrong(blocks[i], BLOCK, i) == 0);
}

static char *make_here(size_t size)
{
        return malloc(size);
}

static int memory_crosses_the_border(void)
{
        library_open_deep();
        blocks_make(library.make);
        for (size_t i = 0; i < BLOCKS; i++)
                free(blocks[i]);
        blocks_make(make_here);
        for (size_t i = 0; i < BLOCKS; i++)
                library.drop(library.resize(blocks[i], i % 3 * 900 + 1));
        puts("ok");
        return 0;
}

static int library_prefers_its_own_names(void)
{
        library_open_deep();
        blocks_make(make_here);
        puts(library.name());
        return 0;
}

static int mappings_cross_the_border(void)
{
        char *data;

        library_open_deep();
        for (unsigned round = 0; round < 3; round++) {
                data = round ? library.map(DATA) : data_map(DATA);
                data_fill(data, DATA, round);
                evict_all();
                must(data_wrong(data, DATA, round) == 0);
                must((round == 1 ? munmap(data, DATA) : library.unmap(data, DATA)) == 0);
                must(mprotect(data, DATA, PROT_READ) != 0 && errno == ENOMEM);
        }
        puts("ok");
        return 0;
}

/* As interpreters do: Python's ctypes, mono's DllImport("libc"). */
static int functions_are_found_in_the_c_library(void)
{
        void *c = dlopen("libc.so.6", RTLD_LAZY);
        void (*release)(void *) = (void (*)(void *))dlsym(c, "free");
        char *(*make)(size_t) = (char *(*)(size_t))dlsym(c, "malloc");
        int (*unmap)(void *, size_t) = (int (*)(void *, size_t))dlsym(c, "munmap");
        char *data = data_map(DATA);

        blocks_make(make_here);
        for (size_t i = 0; i < BLOCKS; i++)
                release(blocks[i]);
        blocks_make(make);
        for (size_t i = 0; i < BLOCKS; i++)
                free(blocks[i]);
        must(unmap(data, DATA) == 0 && madvise(data, DATA, MADV_WILLNEED) != 0);
        puts("ok");
        return 0;
}

/* What only the library's own search path leads to. */
static int library_opens_its_neighbour(void)
{
        library_open_deep();
        blocks_make(library.make);
        puts(dlopen("libneighbour.so", RTLD_NOW) ? "found from here" : "not from here");
        puts(library.open("libneighbour.so") ? "found from there" : dlerror());
        return 0;
}

static int namespace_has_its_own_heap(void)
{
        library_load(dlmopen(LM_ID_NEWLM, "libdeepbind-library.so", RTLD_NOW));
        blocks_make(make_here);
        for (size_t i = 0; i < BLOCKS; i++)
                free(blocks[i]);
        blocks_make(library.make);
        for (size_t i = 0; i < BLOCKS; i++)
                library.drop(library.resize(blocks[i], i % 3 * 900 + 1));
        puts(library.name());
        puts(library.open("libneighbour.so") ? "found from there" : "not found");
        return 0;
}

static const struct test_case cases[] = {
        {"memory_crosses_the_border", memory_crosses_the_border},
        {"library_prefers_its_own_names", library_prefers_its_own_names},
        {"mappings_cross_the_border", mappings_cross_the_border},
        {"functions_are_found_in_the_c_library", functions_are_found_in_the_c_library},
        {"library_opens_its_neighbour", library_opens_its_neighbour},
        {"namespace_has_its_own_heap", namespace_has_its_own_heap},
        {NULL, NULL},
};

int main(int argc, char **argv)
{
        return cases_run(argc, argv, cases);
}
