/* SPDX-License-Identifier: MIT */
/*
 * bindings.c - where the calls of the preloaded library lead, printed by a program that has it.
 *
 *      needed LIBRARY          it asks for this one
 *      lazy NAME               bound at its first call, and not yet
 *      calls NAME FILE         bound to a function of this file: neither the C library's, nor the
 *                              loader's or the kernel's, nor its own
 */
#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define LIBRARY "libunpaged-preload.so"

static const ElfW(Sym) * symbols;
static const char *names;
static struct link_map *map;

static uintptr_t entry(ElfW(Sxword) tag)
{
        for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++)
                if (d->d_tag == tag)
                        return d->d_un.d_val;
        return 0;
}

static const char *base(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static bool is_expected(const char *file)
{
        return strcmp(file, "libc.so.6") == 0 || strncmp(file, "ld-", 3) == 0 ||
               strncmp(file, "linux-", 6) == 0 || strcmp(file, LIBRARY) == 0;
}

static void say_binding(const ElfW(Rela) * relocation, bool may_be_lazy)
{
        const ElfW(Sym) *symbol = &symbols[ELF64_R_SYM(relocation->r_info)];
        uintptr_t to = *(uintptr_t *)(map->l_addr + relocation->r_offset);
        const char *name = names + symbol->st_name;
        Dl_info info;

        if (ELF64_R_SYM(relocation->r_info) == 0 || symbol->st_shndx != SHN_UNDEF ||
            ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || !to)
                return;
        if (dladdr((void *)to, &info) == 0)
                info.dli_fname = "linux-vdso";
        if (may_be_lazy && strcmp(base(info.dli_fname), LIBRARY) == 0)
                printf("lazy %s\n", name);
        if (!is_expected(base(info.dli_fname)))
                printf("calls %s %s\n", name, base(info.dli_fname));
}

static void say_bindings(ElfW(Sxword) table, ElfW(Sxword) size, bool may_be_lazy)
{
        const ElfW(Rela) *relocations = (const void *)entry(table);

        for (size_t i = 0; i < entry(size) / sizeof(*relocations); i++)
                say_binding(&relocations[i], may_be_lazy);
}

/* Where the program has a fixed address, its own stubs stand for functions whose address it
 * takes. */
static void addresses_take(void)
{
        void *volatile address;

        address = (void *)clock_gettime;
        address = (void *)ioctl;
        address = (void *)pwrite;
        (void)address;
}

int main(void)
{
        addresses_take();
        for (map = _r_debug.r_map; map; map = map->l_next)
                if (strcmp(base(map->l_name), LIBRARY) == 0)
                        break;
        if (!map)
                return 1;
        symbols = (const void *)entry(DT_SYMTAB);
        names = (const void *)entry(DT_STRTAB);
        for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++)
                if (d->d_tag == DT_NEEDED)
                        printf("needed %s\n", names + d->d_un.d_val);
        say_bindings(DT_RELA, DT_RELASZ, false);
        say_bindings(DT_JMPREL, DT_PLTRELSZ, true);
        return 0;
}
