/* SPDX-License-Identifier: MIT */
/*
 * libc_image.c - the two ways past which names are bound elsewhere than they should be.
 *
 * What we call. Names are looked up in the order program, preloaded libraries, libraries. So a
 * program that has a read() of its own, libfaketime with its clock_gettime() or torsocks with its
 * syscall() would get our calls: before they are initialised, from handler threads, under the
 * heap's locks. And a program at a fixed address that takes the address of read() stands for it
 * with a stub, which the loader binds at the first call. libc_bind_us() puts into our table of
 * addresses (the GOT) those of the C library.
 *
 * What calls us. Being the first after the program is not enough where a name is looked up in the C
 * library alone or before us: by a library opened with RTLD_DEEPBIND, as PHP opens its extensions,
 * or by dlsym() in a handle of libc.so.6, as Python's ctypes and mono do. They would give our
 * memory to the free() of the C library, and unmap paged memory behind our back. So libc_redirect()
 * writes our addresses into the C library's table of symbols, a private copy of a few of its pages.
 * It is not to take RTLD_DEEPBIND from dlopen(): the library would lose the precedence of its own
 * names, which is what the flag is for.
 *
 * The C library of another namespace (dlmopen) is another image, with its own heap, and stays as it
 * is.
 */
#include "libc_image.h"
#include "kernel_page.h"
#include "preload.h"
#include "real_syscalls.h"

#include <gnu/lib-names.h>
#include <link.h>
#include <stdint.h>
#include <sys/mman.h>

/* ---- an image ------------------------------------------------------------------------------- */

struct image {
        uintptr_t base;
        const ElfW(Phdr) * segments;
        size_t n_segments;
        ElfW(Sym) * symbols;
        const char *names;
        const ElfW(Versym) * versions; /* by symbol */
        const char *needed, *defined;  /* their names: ElfW(Verneed), ElfW(Verdef) */
        const ElfW(Rela) * relocations[2];
        size_t n_relocations[2];
        uint32_t n_buckets, first; /* of the hash table; the first symbol that is in it */
        const uint32_t *buckets, *chains;
};

static void image_read_hash(struct image *image, const uint32_t *table)
{
        uint32_t words = table[2] * (uint32_t)(sizeof(ElfW(Addr)) / sizeof(uint32_t));

        image->n_buckets = table[0];
        image->first = table[1];
        image->buckets = table + 4 + words;
        image->chains = image->buckets + image->n_buckets;
}

static void image_read_entry(struct image *image, const ElfW(Dyn) * entry)
{
        uintptr_t value = entry->d_un.d_ptr;
        void *at = (void *)(value < image->base ? image->base + value : value);

        switch (entry->d_tag) {
        case DT_SYMTAB:
                image->symbols = at;
                break;
        case DT_STRTAB:
                image->names = at;
                break;
        case DT_VERSYM:
                image->versions = at;
                break;
        case DT_VERNEED:
                image->needed = at;
                break;
        case DT_VERDEF:
                image->defined = at;
                break;
        case DT_GNU_HASH:
                image_read_hash(image, at);
                break;
        case DT_RELA:
                image->relocations[0] = at;
                break;
        case DT_RELASZ:
                image->n_relocations[0] = value / sizeof(ElfW(Rela));
                break;
        case DT_JMPREL:
                image->relocations[1] = at;
                break;
        case DT_PLTRELSZ:
                image->n_relocations[1] = value / sizeof(ElfW(Rela));
                break;
        }
}

/* false: it is not what we know how to read. */
static bool image_read(struct image *image, uintptr_t base, const ElfW(Dyn) * dynamic)
{
        const ElfW(Ehdr) *header = (const void *)base;

        *image = (struct image){.base = base};
        image->segments = (const void *)(base + header->e_phoff);
        image->n_segments = header->e_phnum;
        for (; dynamic->d_tag != DT_NULL; dynamic++)
                image_read_entry(image, dynamic);
        return image->symbols && image->names && image->versions && image->buckets;
}

static const char *image_soname(const struct link_map *map)
{
        struct image image;

        for (const ElfW(Dyn) *d = map->l_ld; map->l_name[0] && d->d_tag != DT_NULL; d++)
                if (d->d_tag == DT_SONAME && image_read(&image, map->l_addr, map->l_ld))
                        return image.names + d->d_un.d_val;
        return "";
}

/* strcmp() may be the program's. */
static bool is_name(const char *a, const char *b)
{
        while (*a && *a == *b)
                a++, b++;
        return *a == *b;
}

static uint32_t name_hash(const char *name)
{
        uint32_t hash = 5381;

        while (*name)
                hash = hash * 33 + (unsigned char)*name++;
        return hash;
}

/* The index of the next symbol of that name after `last`, or of the first for 0; 0: no more. */
static uint32_t image_find(const struct image *image, const char *name, uint32_t last)
{
        uint32_t hash = name_hash(name), at = last + 1;

        if (last == 0)
                at = image->buckets[hash % image->n_buckets];
        else if (image->chains[last - image->first] & 1)
                return 0;
        for (; at; at++) {
                uint32_t link = image->chains[at - image->first];

                if ((link | 1) == (hash | 1) &&
                    is_name(image->names + image->symbols[at].st_name, name))
                        return at;
                if (link & 1)
                        return 0;
        }
        return 0;
}

/* One more than the last index of a symbol in the hash table. */
static uint32_t image_end(const struct image *image)
{
        uint32_t last = 0;

        for (uint32_t i = 0; i < image->n_buckets; i++)
                if (image->buckets[i] > last)
                        last = image->buckets[i];
        while (last && !(image->chains[last - image->first] & 1))
                last++;
        return last + 1;
}

#define VERSION_HIDDEN 0x8000u /* not the default one */

static uint32_t version_needed(const char *file, unsigned index)
{
        const ElfW(Verneed) *of = (const void *)file;
        const char *at = file ? file + of->vn_aux : NULL;

        for (unsigned i = 0; at && i < of->vn_cnt; i++) {
                const ElfW(Vernaux) *need = (const void *)at;

                if (need->vna_other == index)
                        return need->vna_hash;
                at += need->vna_next;
        }
        return at && of->vn_next ? version_needed(file + of->vn_next, index) : 0;
}

static uint32_t version_defined(const char *at, unsigned index)
{
        const ElfW(Verdef) *definition = (const void *)at;

        if (!at || definition->vd_ndx == index)
                return at ? definition->vd_hash : 0;
        return definition->vd_next ? version_defined(at + definition->vd_next, index) : 0;
}

/* The hash of the name of the version that a symbol is in, or is wanted in; 0: in none. */
static uint32_t image_version(const struct image *image, uint32_t symbol)
{
        unsigned index = image->versions[symbol] & ~VERSION_HIDDEN;

        if (index <= VER_NDX_GLOBAL)
                return 0;
        return image->symbols[symbol].st_shndx == SHN_UNDEF
                       ? version_needed(image->needed, index)
                       : version_defined(image->defined, index);
}

/* ---- the two of them ------------------------------------------------------------------------ */

static struct image us, libc;

extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static bool images_read(void)
{
        const struct link_map *map = _r_debug.r_map;

        if (libc.base)
                return true;
        while (map && !is_name(image_soname(map), LIBC_SO))
                map = map->l_next;
        return map && image_read(&us, (uintptr_t)&__ehdr_start, _DYNAMIC) &&
               image_read(&libc, map->l_addr, map->l_ld);
}

/* The index of the C library's symbol in the version of that hash; 0: in its default version. */
static uint32_t libc_find(const char *name, uint32_t version)
{
        uint32_t at = 0;

        while ((at = image_find(&libc, name, at)))
                if (version ? image_version(&libc, at) == version
                            : !(libc.versions[at] & VERSION_HIDDEN))
                        return at;
        return 0;
}

/* The address of a function; 0: it is none, or chosen in a way that is the loader's to know. */
static uintptr_t libc_address(uint32_t symbol)
{
        const ElfW(Sym) *s = &libc.symbols[symbol];
        uintptr_t address = libc.base + s->st_value;

        switch (ELF64_ST_TYPE(s->st_info)) {
        case STT_FUNC:
                return address;
#ifdef __x86_64__
        case STT_GNU_IFUNC:
                return ((uintptr_t(*)(void))address)();
#endif
        default:
                return 0;
        }
}

void *libc_function(const char *name)
{
        uint32_t symbol = images_read() ? libc_find(name, 0) : 0;

        return symbol ? (void *)libc_address(symbol) : NULL;
}

/* ---- what we call --------------------------------------------------------------------------- */

#if defined(__x86_64__)
#define IS_ADDRESS(type) ((type) == R_X86_64_GLOB_DAT || (type) == R_X86_64_JUMP_SLOT)
#elif defined(__aarch64__)
#define IS_ADDRESS(type) ((type) == R_AARCH64_GLOB_DAT || (type) == R_AARCH64_JUMP_SLOT)
#endif

typedef int protect_fn(void *addr, size_t len, int prot);

/* The table is read-only once the loader has filled it (-z relro). */
static void table_write(uintptr_t *slot, uintptr_t address)
{
        protect_fn *protect = (protect_fn *)libc_address(libc_find("mprotect", 0));
        void *page = (void *)((uintptr_t)slot & ~(KERNEL_PAGE_SIZE - 1));

        if (!protect || protect(page, KERNEL_PAGE_SIZE, PROT_READ | PROT_WRITE) != 0)
                return;
        *slot = address;
        protect(page, KERNEL_PAGE_SIZE, PROT_READ);
}

static void bind_one(const ElfW(Rela) * relocation)
{
        uint32_t index = (uint32_t)ELF64_R_SYM(relocation->r_info), found;
        uintptr_t *slot = (uintptr_t *)(us.base + relocation->r_offset), address;

        if (!IS_ADDRESS(ELF64_R_TYPE(relocation->r_info)) ||
            us.symbols[index].st_shndx != SHN_UNDEF)
                return;
        found = libc_find(us.names + us.symbols[index].st_name, image_version(&us, index));
        address = found ? libc_address(found) : 0;
        if (address && address != *slot)
                table_write(slot, address);
}

void libc_bind_us(void)
{
        if (!images_read())
                return;
        for (unsigned part = 0; part < 2; part++)
                for (size_t i = 0; i < us.n_relocations[part]; i++)
                        bind_one(&us.relocations[part][i]);
}

/* ---- what calls us -------------------------------------------------------------------------- */

struct span {
        uintptr_t start, end;
};

static void span_add(void *arg, ElfW(Sym) * symbol, const void *instead)
{
        struct span *span = arg;
        uintptr_t at = (uintptr_t)symbol;

        (void)instead;
        if (span->start == 0 || at < span->start)
                span->start = at & ~(KERNEL_PAGE_SIZE - 1);
        if (page_up(at + sizeof(*symbol)) > span->end)
                span->end = page_up(at + sizeof(*symbol));
}

static void symbol_redirect(void *arg, ElfW(Sym) * symbol, const void *instead)
{
        (void)arg;
        symbol->st_value = (uintptr_t)instead - libc.base;
}

/* Every version of every name that we export, and that the C library has as well. */
static void redirect_each(libc_instead_fn *instead_of,
                          void (*visit)(void *arg, ElfW(Sym) * symbol, const void *instead),
                          void *arg)
{
        for (uint32_t i = us.first, end = image_end(&us); i < end; i++) {
                const char *name = us.names + us.symbols[i].st_name;
                const void *instead =
                        instead_of(name, (const void *)(us.base + us.symbols[i].st_value));

                for (uint32_t at = 0; instead && (at = image_find(&libc, name, at));)
                        visit(arg, &libc.symbols[at], instead);
        }
}

static int segment_protection(uintptr_t at)
{
        for (size_t i = 0; i < libc.n_segments; i++) {
                const ElfW(Phdr) *s = &libc.segments[i];

                if (s->p_type == PT_LOAD && at - libc.base - s->p_vaddr < s->p_memsz)
                        return (s->p_flags & PF_W ? PROT_WRITE : 0) |
                               (s->p_flags & PF_X ? PROT_EXEC : 0) | PROT_READ;
        }
        return PROT_READ;
}

bool libc_redirect(libc_instead_fn *instead_of)
{
        struct span span = {0, 0};
        void *start;

        if (!images_read())
                return false;
        redirect_each(instead_of, span_add, &span);
        start = (void *)span.start;
        if (real_mprotect(start, span.end - span.start, PROT_READ | PROT_WRITE) != 0)
                return false;
        redirect_each(instead_of, symbol_redirect, NULL);
        real_mprotect(start, span.end - span.start, segment_protection(span.start));
        return true;
}
