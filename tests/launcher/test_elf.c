/* SPDX-License-Identifier: MIT */
/*
 * test_elf.c - judging program files that are odd, damaged or hostile. What compilers make is
 * judged by unpaged_programs.sh, through the launcher.
 */
#include "elf.h"

#include "../run_tests.h"

#include <check.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SANE  "/bin/sh" /* an ordinary program, on every machine that builds this */
#define ROUND 20000

/* A file in memory that may be executed; `path` names it. */
static int file_with(const void *bytes, size_t len, char path[64])
{
        int fd = memfd_create("judged", MFD_CLOEXEC);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(fchmod(fd, 0700), 0);
        ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
        snprintf(path, 64, "/proc/self/fd/%d", fd);
        return fd;
}

static struct elf_verdict judge_bytes(const void *bytes, size_t len)
{
        char path[64];
        int fd = file_with(bytes, len, path);
        struct elf_verdict v;

        errno = 4711;
        v = elf_judge(path);
        ck_assert_int_eq(errno, 4711);
        close(fd);
        return v;
}

static unsigned char *load(const char *path, size_t *len)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat st;
        unsigned char *bytes;

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(fstat(fd, &st), 0);
        *len = (size_t)st.st_size;
        bytes = malloc(*len);
        ck_assert_ptr_nonnull(bytes);
        ck_assert_int_eq(read(fd, bytes, *len), st.st_size);
        close(fd);
        return bytes;
}

START_TEST(an_ordinary_program_can_be_paged)
{
        size_t len;
        unsigned char *bytes = load(SANE, &len);

        ck_assert_ptr_null(elf_refusal(SANE));
        ck_assert_ptr_null(judge_bytes(bytes, len).refusal);
        free(bytes);
}
END_TEST

START_TEST(what_cannot_be_executed_is_left_to_execve)
{
        char fifo[] = "/tmp/judged.XXXXXX", path[64];
        int fd = file_with("\177ELF", 4, path);

        ck_assert_ptr_null(elf_refusal(NULL));
        ck_assert_ptr_null(elf_refusal(""));
        ck_assert_ptr_null(elf_refusal("/nonexistent"));
        ck_assert_ptr_null(elf_refusal("/etc/passwd/x"));
        ck_assert_ptr_null(elf_refusal("/etc"));
        ck_assert_ptr_null(elf_refusal("/etc/passwd"));
        ck_assert_ptr_null(elf_refusal("/dev/null"));
        ck_assert_ptr_null(elf_refusal("/dev/zero"));
        ck_assert_ptr_null(elf_refusal(path));
        close(fd);
        /* Opening this one would wait for a writer. */
        close(mkstemp(fifo));
        unlink(fifo);
        ck_assert_int_eq(mkfifo(fifo, 0777), 0);
        ck_assert_ptr_null(elf_refusal(fifo));
        unlink(fifo);
        ck_assert_ptr_null(judge_bytes("", 0).refusal);
        ck_assert_ptr_null(judge_bytes("echo x\n", 7).refusal);
}
END_TEST

/* Its header alone: enough for the kernel to refuse it, or to hand it to an emulator. */
START_TEST(other_machines_programs_are_refused_and_would_be_harmed)
{
        size_t len;
        unsigned char *bytes = load(SANE, &len);
        static const struct {
                size_t at;
                unsigned char value;
        } changes[] = {{EI_CLASS, ELFCLASS32},
                       {EI_DATA, ELFDATA2MSB},
                       {offsetof(Elf64_Ehdr, e_machine), EM_SPARC}};
        struct elf_verdict v;
        unsigned char was = bytes[changes[_i].at];

        bytes[changes[_i].at] = changes[_i].value;
        v = judge_bytes(bytes, len);
        ck_assert_ptr_nonnull(v.refusal);
        ck_assert_ptr_nonnull(strstr(v.refusal, "architecture"));
        ck_assert(v.harmed);
        bytes[changes[_i].at] = was;
        ck_assert_ptr_null(judge_bytes(bytes, len).refusal);
        free(bytes);
}
END_TEST

/* ---- scripts -------------------------------------------------------------------------------- */

static struct elf_verdict judge_script(const char *first, const char *interpreter, const char *rest)
{
        char text[1024];

        snprintf(text, sizeof(text), "%s%s%s", first, interpreter, rest);
        return judge_bytes(text, strlen(text));
}

START_TEST(a_script_is_what_its_interpreter_is)
{
        static const char *const firsts[] = {"#!", "#! ", "#!\t  "};
        static const char *const rests[] = {"\n", " -x\n", "\t-x y z\n", ""};
        unsigned char head[sizeof(Elf64_Ehdr)] = ELFMAG "\1\1\1"; /* for no machine */
        char alien[64], nested[64], text[128];
        int alien_fd = file_with(head, sizeof(head), alien), nested_fd;

        ck_assert_ptr_nonnull(elf_refusal(alien));
        for (size_t i = 0; i < 3; i++) {
                for (size_t j = 0; j < 4; j++) {
                        ck_assert_ptr_null(judge_script(firsts[i], SANE, rests[j]).refusal);
                        ck_assert_ptr_nonnull(judge_script(firsts[i], alien, rests[j]).refusal);
                        ck_assert(judge_script(firsts[i], alien, rests[j]).harmed);
                }
        }
        snprintf(text, sizeof(text), "#!%s\n", alien);
        nested_fd = file_with(text, strlen(text), nested);
        ck_assert_ptr_nonnull(judge_script("#!", nested, "\n").refusal);
        close(nested_fd);
        close(alien_fd);
}
END_TEST

START_TEST(scripts_without_an_interpreter_end_the_judgement)
{
        char text[600], path[64];
        int fd;

        ck_assert_ptr_null(judge_script("#!", "", "").refusal);
        ck_assert_ptr_null(judge_script("#!", "", "\n/bin/sh").refusal);
        ck_assert_ptr_null(judge_script("#!   \t ", "", "\n").refusal);
        ck_assert_ptr_null(judge_script("#!", "/nonexistent", "\n").refusal);
        ck_assert_ptr_null(judge_bytes("#!\0\0\0", 5).refusal);
        memset(text, ' ', sizeof(text));
        memcpy(text, "#!", 2);
        ck_assert_ptr_null(judge_bytes(text, sizeof(text)).refusal);
        memset(text + 2, '/', sizeof(text) - 2);
        ck_assert_ptr_null(judge_bytes(text, sizeof(text)).refusal);
        /* Its own interpreter. */
        fd = file_with("", 0, path);
        snprintf(text, sizeof(text), "#!%s\n", path);
        ck_assert_int_eq(pwrite(fd, text, strlen(text), 0), (ssize_t)strlen(text));
        ck_assert_ptr_null(elf_refusal(path));
        close(fd);
}
END_TEST

/* ---- damage --------------------------------------------------------------------------------- */

static uint64_t seed = 88172645463325252u;

static uint32_t number(uint32_t below)
{
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        return (uint32_t)(seed >> 32) % below;
}

START_TEST(a_truncated_program_ends_the_judgement)
{
        size_t len;
        unsigned char *bytes = load(SANE, &len);
        char path[64];
        int fd = file_with(bytes, len, path);

        for (size_t cut = len < 6000 ? len : 6000; cut > 0; cut--) {
                ck_assert_int_eq(ftruncate(fd, (off_t)cut), 0);
                elf_judge(path);
        }
        close(fd);
        free(bytes);
}
END_TEST

/* Where the judge looks: headers, segments, and the tables that the dynamic section leads to. */
static size_t place(size_t len, const Elf64_Phdr *dynamic)
{
        static const size_t header_bytes = 64 + 56 * 14;

        switch (number(4)) {
        case 0:
                return number((uint32_t)(len < header_bytes ? len : header_bytes));
        case 1:
                return dynamic->p_offset + number((uint32_t)dynamic->p_filesz);
        case 2:
                return number((uint32_t)(len < 8192 ? len : 8192));
        default:
                return number((uint32_t)len);
        }
}

START_TEST(damaged_programs_do_not_damage_the_judge)
{
        static const unsigned char drastic[] = {0, 1, 0x7f, 0x80, 0xff};
        static const char *const bases[] = {SANE, "/proc/self/exe"};
        size_t len, at[8];
        unsigned char *bytes = load(bases[_i], &len);
        const Elf64_Ehdr *head = (const void *)bytes;
        const Elf64_Phdr *phdr = (const void *)(bytes + head->e_phoff), *dynamic = NULL;
        char path[64];
        int fd = file_with(bytes, len, path);
        unsigned refused = 0;

        for (unsigned i = 0; i < head->e_phnum; i++)
                if (phdr[i].p_type == PT_DYNAMIC)
                        dynamic = &phdr[i];
        ck_assert_ptr_nonnull(dynamic);
        for (int round = 0; round < ROUND; round++) {
                unsigned n = 1 + number(8);

                for (unsigned i = 0; i < n; i++) {
                        unsigned char with =
                                number(2) ? drastic[number(5)] : (unsigned char)number(256);

                        at[i] = place(len, dynamic);
                        ck_assert_int_eq(pwrite(fd, &with, 1, (off_t)at[i]), 1);
                }
                refused += elf_judge(path).refusal != NULL;
                for (unsigned i = 0; i < n; i++)
                        ck_assert_int_eq(pwrite(fd, &bytes[at[i]], 1, (off_t)at[i]), 1);
        }
        /* The damage was seen, too. */
        ck_assert_uint_gt(refused, 0);
        printf("%s: %u of %d damaged copies were refused\n", bases[_i], refused, ROUND);
        close(fd);
        free(bytes);
}
END_TEST

TESTS("elf")
{
        tcase_add_test(tc, an_ordinary_program_can_be_paged);
        tcase_add_test(tc, what_cannot_be_executed_is_left_to_execve);
        tcase_add_loop_test(tc, other_machines_programs_are_refused_and_would_be_harmed, 0, 3);
        tcase_add_test(tc, a_script_is_what_its_interpreter_is);
        tcase_add_test(tc, scripts_without_an_interpreter_end_the_judgement);
        tcase_add_test(tc, a_truncated_program_ends_the_judgement);
        tcase_add_loop_test(tc, damaged_programs_do_not_damage_the_judge, 0, 2);
}
