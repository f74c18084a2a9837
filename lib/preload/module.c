/* SPDX-License-Identifier: MIT */
/*
 * module.c - the files whose code a process runs. See module.h.
 *
 * /proc/self/maps says which they are. Everything else is read from the files, which are mapped
 * once more as a whole: there are also what is never loaded, the names of static functions.
 */
#include "module.h"
#include "real_syscalls.h"

#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- which there are ------------------------------------------------------------------------ */

static const char *field_hex(const char *at, uint64_t *n)
{
        for (*n = 0; (*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'f'); at++)
                *n = *n << 4 | (uint64_t)(*at >= 'a' ? *at - 'a' + 10 : *at - '0');
        return at;
}

static const char *field_decimal(const char *at, uint64_t *n)
{
        for (*n = 0; *at >= '0' && *at <= '9'; at++)
                *n = *n * 10 + (uint64_t)(*at - '0');
        return at;
}

static const char *path_keep(struct modules *m, const char *path)
{
        size_t size = strlen(path) + 1;
        char *kept = m->paths + m->used;

        if (m->count > 0 && strcmp(m->each[m->count - 1].path, path) == 0)
                return m->each[m->count - 1].path;
        if (size > sizeof(m->paths) - m->used)
                return "?";
        m->used += size;
        return memcpy(kept, path, size);
}

/* "start-end perms offset device inode   path" */
static void module_line(struct modules *m, const char *line)
{
        struct module found = {0};
        const char *at = field_hex(line, &found.start);

        if (*at != '-')
                return;
        at = field_hex(at + 1, &found.end);
        if (strlen(at) < 7 || at[3] != 'x' || m->count == MODULES_MOST)
                return;
        at = field_hex(at + 6, &found.offset);
        at = *at ? strchr(at + 1, ' ') : NULL; /* behind the device */
        at = at ? field_decimal(at + 1, &found.inode) : "";
        at += strspn(at, " ");
        found.path = path_keep(m, at);
        if (*at == '/' || *at == '[')
                m->each[m->count++] = found;
}

void modules_read(struct modules *m)
{
        int fd = real_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
        char text[8192];
        size_t len = 0;
        ssize_t n = 0;

        while (fd >= 0 && (n = syscall(SYS_read, fd, text + len, sizeof(text) - 1 - len)) > 0) {
                char *line = text, *end;

                len += (size_t)n;
                text[len] = '\0';
                for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
                        *end = '\0';
                        module_line(m, line);
                }
                len -= (size_t)(line - text);
                memmove(text, line, len);
                if (len == sizeof(text) - 1)
                        len = 0; /* a path longer than any */
        }
        if (fd >= 0)
                real_close(fd);
}

struct module *module_of(struct modules *m, uint64_t address)
{
        for (unsigned i = 0; i < m->count; i++)
                if (address >= m->each[i].start && address < m->each[i].end)
                        return &m->each[i];
        return NULL;
}

const char *module_name(const struct module *m)
{
        const char *slash = strrchr(m->path, '/');

        return slash ? slash + 1 : m->path;
}

/* ---- a file --------------------------------------------------------------------------------- */

static const void *file_part(const struct module *m, uint64_t offset, uint64_t size)
{
        return offset <= m->size && size <= m->size - offset ? m->file + offset : NULL;
}

static const Elf64_Phdr *file_segment(const struct module *m, unsigned i)
{
        const Elf64_Ehdr *e = (const void *)m->file;

        if (i >= e->e_phnum || e->e_phentsize != sizeof(Elf64_Phdr))
                return NULL;
        return file_part(m, e->e_phoff + i * sizeof(Elf64_Phdr), sizeof(Elf64_Phdr));
}

static const Elf64_Shdr *file_section(const struct module *m, unsigned i)
{
        const Elf64_Ehdr *e = (const void *)m->file;

        if (i >= e->e_shnum || e->e_shentsize != sizeof(Elf64_Shdr))
                return NULL;
        return file_part(m, e->e_shoff + i * sizeof(Elf64_Shdr), sizeof(Elf64_Shdr));
}

/* Where it was loaded: from the segment that the mapping is of. */
static bool find_bias(struct module *m)
{
        const Elf64_Phdr *p;

        for (unsigned i = 0; (p = file_segment(m, i)) != NULL; i++)
                if (p->p_type == PT_LOAD && m->offset < p->p_offset + p->p_filesz &&
                    m->offset + (m->end - m->start) > p->p_offset) {
                        m->bias = m->start - m->offset + p->p_offset - p->p_vaddr;
                        return true;
                }
        return false;
}

static bool map_file(struct module *m)
{
        int fd = real_open(m->path, O_RDONLY | O_CLOEXEC, 0);
        struct stat st = {0};
        void *file = MAP_FAILED;

        if (fd < 0)
                return false;
        if (fstat(fd, &st) == 0 && st.st_ino == m->inode && st.st_size > (off_t)sizeof(Elf64_Ehdr))
                file = real_mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        real_close(fd);
        if (file == MAP_FAILED)
                return false;
        m->file = file;
        m->size = (size_t)st.st_size;
        return memcmp(file, ELFMAG, SELFMAG) == 0 && m->file[EI_CLASS] == ELFCLASS64;
}

struct module *module_at(struct modules *m, uint64_t address)
{
        struct module *found = module_of(m, address);

        if (found && found->is_open == 0)
                found->is_open = map_file(found) && find_bias(found) ? 1 : -1;
        return found && found->is_open > 0 ? found : NULL;
}

const unsigned char *module_bytes(const struct module *m, uint64_t vaddr, size_t *left)
{
        const Elf64_Phdr *p;

        for (unsigned i = 0; (p = file_segment(m, i)) != NULL; i++)
                if (p->p_type == PT_LOAD && vaddr - p->p_vaddr < p->p_filesz) {
                        *left = (size_t)(p->p_filesz - (vaddr - p->p_vaddr));
                        return file_part(m, p->p_offset + (vaddr - p->p_vaddr), *left);
                }
        return NULL;
}

uint64_t module_unwind_header(const struct module *m)
{
        const Elf64_Phdr *p;

        for (unsigned i = 0; (p = file_segment(m, i)) != NULL; i++)
                if (p->p_type == PT_GNU_EH_FRAME)
                        return p->p_vaddr;
        return 0;
}

/* ---- its functions -------------------------------------------------------------------------- */

static void table_functions(const struct module *m, const Elf64_Shdr *table,
                            void (*each)(void *arg, uint64_t from, uint64_t to, const char *name),
                            void *arg)
{
        const Elf64_Shdr *names = file_section(m, table->sh_link);
        const Elf64_Sym *s = file_part(m, table->sh_offset, table->sh_size);
        const char *text = names ? file_part(m, names->sh_offset, names->sh_size) : NULL;

        if (!s || !text || names->sh_size == 0 || text[names->sh_size - 1] != '\0')
                return;
        for (uint64_t n = table->sh_size / sizeof(*s); n > 0; n--, s++) {
                unsigned type = ELF64_ST_TYPE(s->st_info);

                if ((type == STT_FUNC || type == STT_GNU_IFUNC) && s->st_shndx != SHN_UNDEF &&
                    s->st_name < names->sh_size)
                        each(arg, m->bias + s->st_value,
                             m->bias + s->st_value + (s->st_size ? s->st_size : 1),
                             text + s->st_name);
        }
}

void module_functions(const struct module *m,
                      void (*each)(void *arg, uint64_t from, uint64_t to, const char *name),
                      void *arg)
{
        const Elf64_Shdr *table;

        for (unsigned i = 0; (table = file_section(m, i)) != NULL; i++)
                if (table->sh_type == SHT_SYMTAB || table->sh_type == SHT_DYNSYM)
                        table_functions(m, table, each, arg);
}
