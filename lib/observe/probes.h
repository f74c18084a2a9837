/* SPDX-License-Identifier: MIT */
/*
 * probes.h - USDT probes: where perf, bpftrace and systemtap can listen to a running process.
 *
 * Each is a nop in the code, and a note in the file that says where the nop is and where its
 * arguments are; a listener puts a breakpoint there. They are in wherever <sys/sdt.h> is at compile
 * time (Debian: systemtap-sdt-dev); CMake says so in its summary. The provider is `unpaged`.
 *
 *   fault_begin(address, write, tid)        the pager begins to serve a fault
 *   fault_end(address, how, ns, tid)        it is done; how: enum fault_end of core/fault.h
 *   page(address, event, word)              what happened to a page: enum ring_event
 *   evict(address, dirty)                   a page leaves its frame; dirty: it had to be saved
 *
 * Names, order and numbers are what users' scripts depend on: the manual page unpaged(1) has them
 * too. tid is the thread that touched the page, 0 where it is not known.
 */
#ifndef PROBES_H
#define PROBES_H

#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define PROBE_FAULT_BEGIN(address, write, tid)                                                     \
        DTRACE_PROBE3(unpaged, fault_begin, address, write, tid)
#define PROBE_FAULT_END(address, how, ns, tid)                                                     \
        DTRACE_PROBE4(unpaged, fault_end, address, how, ns, tid)
#define PROBE_PAGE(address, event, word) DTRACE_PROBE3(unpaged, page, address, event, word)
#define PROBE_EVICT(address, dirty)      DTRACE_PROBE2(unpaged, evict, address, dirty)
#else
#define PROBE_FAULT_BEGIN(address, write, tid) ((void)0)
#define PROBE_FAULT_END(address, how, ns, tid) ((void)0)
#define PROBE_PAGE(address, event, word)       ((void)0)
#define PROBE_EVICT(address, dirty)            ((void)0)
#endif

#endif
