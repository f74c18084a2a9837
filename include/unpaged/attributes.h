/* SPDX-License-Identifier: MIT */
/*
 * attributes.h - what the public headers tell the compiler about their calls. Compilers that do not
 * know these attributes see nothing.
 *
 * PG_MUST_CHECK is on calls without whose result the caller cannot go on: it would use a pool, a
 * mapping or a pin that is not there, or believe that data is safe that is not. It is not on
 * pg_advise() and pg_page_in(), which are hints to many callers; on pg_page_out(), of which EBUSY
 * may be all the same to the caller; on calls that undo something on the way out (pg_close,
 * pg_unmap, pg_detach, pg_unpin, pg_store_close), which fail for special uses alone; nor on calls
 * that read statistics.
 *
 * PG_NONNULL names the arguments that must not be NULL. Those that a call itself checks are left
 * out: NULL is then -EINVAL, or has a meaning.
 */
#ifndef UNPAGED_ATTRIBUTES_H
#define UNPAGED_ATTRIBUTES_H

#if defined(__GNUC__) || defined(__clang__)
#define PG_MUST_CHECK   __attribute__((warn_unused_result))
#define PG_NONNULL(...) __attribute__((nonnull(__VA_ARGS__)))
#else
#define PG_MUST_CHECK
#define PG_NONNULL(...)
#endif

#endif
