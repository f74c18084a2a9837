/* SPDX-License-Identifier: MIT */
/*
 * elf.c - whether a program can be paged, judged from its file before it is executed.
 *
 * Asked of the file, in the order in which kernel and loader will look at it:
 *  - a script: its interpreter is what runs, and only its interpreter's bits count;
 *  - for another machine or word size: its loader would print that it cannot preload us;
 *  - set-user-ID, set-group-ID, file capabilities, as far as they will change anything: the loader
 *    then ignores LD_PRELOAD (AT_SECURE). A program of root's, set-user-ID root and run by root, is
 *    an ordinary one, and so is any on a filesystem without such bits;
 *  - no loader (PT_INTERP): static. But the loader itself, run as a program, obeys LD_PRELOAD;
 *  - the loader of another C library: it would look for glibc's names in vain and give up;
 *  - a sanitizer's runtime: it replaces malloc, must be first, and maps most of the address space.
 *    gcc's is a library that is NEEDED, clang's is in the program, which then exports its names, or at
 *    least those of libc that it takes over. (A program may well have a malloc of its own: then what
 *    that maps is paged.)
 *
 * The file may be damaged or hostile: every offset goes through read_at(), every count has a bound.
 * What cannot be made sense of is left to the kernel and the loader.
 */
#include "elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#define LOADER  "ld-linux-x86-64.so.2"
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#define LOADER  "ld-linux-aarch64.so.1"
#else
#error "which machine is this, and what is its loader called?"
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BYTE_ORDER_HERE ELFDATA2LSB
#else
#define BYTE_ORDER_HERE ELFDATA2MSB
#endif

#define SEGMENTS_MAX 64u   /* programs have a dozen */
#define DYNAMIC_MAX  4096u /* entries of the dynamic section: some hundred, with many libraries */
#define CHAIN_MAX    4096u /* names that share a bucket of a hash table: some */
#define NAME_MAX_LEN 64u
#define SCRIPT_LINE  256u /* what the kernel reads of a script's first line */
#define SCRIPT_DEPTH 5

static const struct elf_verdict fine;

static struct elf_verdict ignored(const char *refusal)
{
        return (struct elf_verdict){refusal, false};
}

static struct elf_verdict harmed(const char *refusal)
{
        return (struct elf_verdict){refusal, true};
}

/* ---- reading -------------------------------------------------------------------------------- */

static bool read_at(int fd, void *to, size_t len, uint64_t offset)
{
        return offset <= INT64_MAX - len && pread(fd, to, len, (off_t)offset) == (ssize_t)len;
}

/* As much of a string as fits. */
static bool read_text(int fd, char *to, size_t size, uint64_t offset)
{
        ssize_t n;

        if (offset > INT64_MAX - size)
                return false;
        n = pread(fd, to, size - 1, (off_t)offset);
        to[n > 0 ? n : 0] = '\0';
        return n > 0;
}

struct image {
        int fd;
        unsigned nsegments;
        Elf64_Phdr segments[SEGMENTS_MAX];
        /* From the dynamic section, as offsets in the file; 0: not there. */
        uint64_t strings, symbols, gnu_hash, sysv_hash;
};

static const Elf64_Phdr *segment(const struct image *m, uint32_t type)
{
        for (unsigned i = 0; i < m->nsegments; i++)
                if (m->segments[i].p_type == type)
                        return &m->segments[i];
        return NULL;
}

/* Where in the file the content of an address lies; 0: nowhere. */
static uint64_t offset_of(const struct image *m, uint64_t addr)
{
        for (unsigned i = 0; i < m->nsegments; i++) {
                const Elf64_Phdr *p = &m->segments[i];

                if (p->p_type == PT_LOAD && addr >= p->p_vaddr && addr - p->p_vaddr < p->p_filesz)
                        return p->p_offset + (addr - p->p_vaddr);
        }
        return 0;
}

static bool read_segments(struct image *m, const Elf64_Ehdr *head)
{
        m->nsegments = head->e_phnum < SEGMENTS_MAX ? head->e_phnum : SEGMENTS_MAX;
        return head->e_phentsize == sizeof(Elf64_Phdr) &&
               read_at(m->fd, m->segments, m->nsegments * sizeof(Elf64_Phdr), head->e_phoff);
}

/* ---- the dynamic section -------------------------------------------------------------------- */

/* Calls each() for every entry until it answers true, which is then the answer. */
static bool each_entry(const struct image *m, bool (*each)(void *arg, const Elf64_Dyn *entry),
                       void *arg)
{
        const Elf64_Phdr *p = segment(m, PT_DYNAMIC);
        uint64_t n = p ? p->p_filesz / sizeof(Elf64_Dyn) : 0;
        Elf64_Dyn some[16];

        n = n < DYNAMIC_MAX ? n : DYNAMIC_MAX;
        for (uint64_t i = 0; i < n; i++) {
                uint64_t in = i % 16, now = n - i < 16 ? n - i : 16;

                if (in == 0 &&
                    !read_at(m->fd, some, now * sizeof(some[0]), p->p_offset + i * sizeof(some[0])))
                        return false;
                if (some[in].d_tag == DT_NULL)
                        return false;
                if (each(arg, &some[in]))
                        return true;
        }
        return false;
}

static bool note_table(void *arg, const Elf64_Dyn *entry)
{
        struct image *m = arg;

        if (entry->d_tag == DT_STRTAB)
                m->strings = offset_of(m, entry->d_un.d_ptr);
        if (entry->d_tag == DT_SYMTAB)
                m->symbols = offset_of(m, entry->d_un.d_ptr);
        if (entry->d_tag == DT_GNU_HASH)
                m->gnu_hash = offset_of(m, entry->d_un.d_ptr);
        if (entry->d_tag == DT_HASH)
                m->sysv_hash = offset_of(m, entry->d_un.d_ptr);
        return false;
}

static bool begins(const char *text, const char *with)
{
        return strncmp(text, with, strlen(with)) == 0;
}

static bool is_loader(void *arg, const Elf64_Dyn *entry)
{
        const struct image *m = arg;
        char name[NAME_MAX_LEN];

        return entry->d_tag == DT_SONAME &&
               read_text(m->fd, name, sizeof(name), m->strings + entry->d_un.d_val) &&
               strcmp(name, LOADER) == 0;
}

/* UndefinedBehaviorSanitizer's runtime alone does no harm. */
static bool needs_sanitizer(void *arg, const Elf64_Dyn *entry)
{
        static const char *const kinds[] = {"asan", "hwasan", "tsan", "msan", "lsan", "dfsan"};
        const struct image *m = arg;
        char name[NAME_MAX_LEN];
        const char *rest = name;

        if (entry->d_tag != DT_NEEDED ||
            !read_text(m->fd, name, sizeof(name), m->strings + entry->d_un.d_val))
                return false;
        rest += begins(rest, "libclang_rt.") ? strlen("libclang_rt.")
                : begins(rest, "lib")        ? strlen("lib")
                                             : 0;
        for (size_t i = 0; rest != name && i < sizeof(kinds) / sizeof(kinds[0]); i++)
                if (begins(rest, kinds[i]) && strchr(".-_", rest[strlen(kinds[i])]))
                        return true;
        return false;
}

/* ---- exported names ------------------------------------------------------------------------- */

static bool symbol_is(const struct image *m, uint32_t index, const char *wanted)
{
        Elf64_Sym symbol;
        char name[NAME_MAX_LEN];

        return read_at(m->fd, &symbol, sizeof(symbol), m->symbols + index * sizeof(symbol)) &&
               symbol.st_shndx != SHN_UNDEF &&
               read_text(m->fd, name, sizeof(name), m->strings + symbol.st_name) &&
               strcmp(name, wanted) == 0;
}

static bool gnu_exports(const struct image *m, const char *wanted)
{
        struct {
                uint32_t buckets, first, bloom, shift;
        } head;
        uint64_t buckets, chain;
        uint32_t hash = 5381, at, link;

        for (const char *c = wanted; *c; c++)
                hash = hash * 33 + (unsigned char)*c;
        if (!read_at(m->fd, &head, sizeof(head), m->gnu_hash) || head.buckets == 0)
                return false;
        buckets = m->gnu_hash + sizeof(head) + head.bloom * sizeof(uint64_t);
        chain = buckets + head.buckets * sizeof(uint32_t);
        if (!read_at(m->fd, &at, sizeof(at), buckets + hash % head.buckets * sizeof(at)) ||
            at < head.first)
                return false;
        for (uint32_t i = 0; i < CHAIN_MAX; i++) {
                if (!read_at(m->fd, &link, sizeof(link),
                             chain + ((uint64_t)at - head.first + i) * sizeof(link)))
                        return false;
                if ((link | 1) == (hash | 1) && symbol_is(m, at + i, wanted))
                        return true;
                if (link & 1)
                        return false;
        }
        return false;
}

static bool sysv_exports(const struct image *m, const char *wanted)
{
        struct {
                uint32_t buckets, chains;
        } head;
        uint64_t buckets = m->sysv_hash + sizeof(head), chain;
        uint32_t hash = 0, at;

        for (const char *c = wanted; *c; c++) {
                hash = (hash << 4) + (unsigned char)*c;
                hash = (hash ^ (hash >> 24 & 0xf0)) & 0x0fffffff;
        }
        if (!read_at(m->fd, &head, sizeof(head), m->sysv_hash) || head.buckets == 0)
                return false;
        chain = buckets + head.buckets * sizeof(uint32_t);
        if (!read_at(m->fd, &at, sizeof(at), buckets + hash % head.buckets * sizeof(at)))
                return false;
        for (uint32_t i = 0; i < CHAIN_MAX && at != 0; i++) {
                if (symbol_is(m, at, wanted))
                        return true;
                if (!read_at(m->fd, &at, sizeof(at), chain + at * sizeof(at)))
                        return false;
        }
        return false;
}

static bool exports(const struct image *m, const char *name)
{
        return m->gnu_hash ? gnu_exports(m, name) : m->sysv_hash && sysv_exports(m, name);
}

static bool contains_sanitizer(const struct image *m)
{
        static const char *const names[] = {"__asan_init", "__hwasan_init", "__tsan_init",
                                            "__msan_init", "__lsan_init",   "__dfsan_init"};

        if (!m->symbols)
                return false;
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (exports(m, names[i]))
                        return true;
        /* gcc hides those. But who stands before libc in all of these at once is one, too. */
        return exports(m, "malloc") && exports(m, "sigaction") && exports(m, "pthread_create");
}

/* ---- judgement ------------------------------------------------------------------------------ */

/* As the kernel decides about AT_SECURE; path and stat are of the program, not of a script. */
static struct elf_verdict judge_privilege(const char *path, const struct stat *st)
{
        struct statvfs fs;
        bool kept = statvfs(path, &fs) == 0 && (fs.f_flag & ST_NOSUID);

        if (kept)
                return fine;
        if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) {
                if (st->st_mode & S_ISUID && st->st_uid != getuid())
                        return ignored("it is set-user-ID, and the loader ignores LD_PRELOAD");
                if ((st->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
                    st->st_gid != getgid())
                        return ignored("it is set-group-ID, and the loader ignores LD_PRELOAD");
        }
        if (getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0)
                return ignored("it has file capabilities, and the loader ignores LD_PRELOAD");
        return fine;
}

static struct elf_verdict judge_image(struct image *m, const char *path, const struct stat *st)
{
        Elf64_Ehdr head;
        const Elf64_Phdr *loader;
        struct elf_verdict verdict;
        char name[PATH_MAX / 4];
        const char *last;

        if (!read_at(m->fd, &head, sizeof(head), 0))
                return fine;
        if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_ident[EI_DATA] != BYTE_ORDER_HERE ||
            head.e_machine != MACHINE)
                return harmed("it is built for another architecture");
        verdict = judge_privilege(path, st);
        if (verdict.refusal || !read_segments(m, &head))
                return verdict;
        each_entry(m, note_table, m);
        loader = segment(m, PT_INTERP);
        if (!loader)
                return m->strings && each_entry(m, is_loader, m)
                               ? fine
                               : ignored("it is statically linked, so nothing can be preloaded");
        if (!read_text(m->fd, name, sizeof(name), loader->p_offset))
                return fine;
        last = strrchr(name, '/');
        if (strcmp(last ? last + 1 : name, LOADER) != 0)
                return harmed("its loader is not the one of the GNU C library");
        if (m->strings && (each_entry(m, needs_sanitizer, m) || contains_sanitizer(m)))
                return harmed("it is built with a sanitizer, which brings its own malloc");
        return fine;
}

/* "#! interpreter argument": cuts the line down to the interpreter. */
static const char *interpreter(char *line)
{
        char *begin = line + 2 + strspn(line + 2, " \t");

        begin[strcspn(begin, " \t\n")] = '\0';
        return *begin ? begin : NULL;
}

static struct elf_verdict judge(const char *path, char line[SCRIPT_LINE], int *script)
{
        struct image m = {.fd = -1};
        struct elf_verdict verdict = fine;
        struct stat st;

        *script = 0;
        if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) ||
            faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) != 0)
                return fine;
        m.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (m.fd < 0) {
                verdict = judge_privilege(path, &st);
                return verdict.refusal ? verdict
                                       : harmed("it may not be read, so it cannot be judged");
        }
        if (read_text(m.fd, line, SCRIPT_LINE, 0)) {
                *script = begins(line, "#!");
                if (begins(line, ELFMAG))
                        verdict = judge_image(&m, path, &st);
        }
        close(m.fd);
        return verdict;
}

struct elf_verdict elf_judge(const char *path)
{
        int kept = errno, script = 1;
        struct elf_verdict verdict = fine;
        char line[2][SCRIPT_LINE];

        /* An interpreter may be a script itself, up to a depth that the kernel sets, too. */
        for (int depth = 0; path && script && depth <= SCRIPT_DEPTH; depth++) {
                verdict = judge(path, line[depth % 2], &script);
                path = script ? interpreter(line[depth % 2]) : NULL;
        }
        errno = kept;
        return verdict;
}

const char *elf_refusal(const char *path)
{
        return elf_judge(path).refusal;
}
