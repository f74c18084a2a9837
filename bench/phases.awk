# SPDX-License-Identifier: MIT
# phases.awk - awk -f phases.awk [-v top=N] FOLDED: where the time went, in three tables.
#
# Reads what fold.awk prints. *Phases*: every sample belongs to one. From its innermost frame
# outwards, the first that the table below knows decides; so what the scheduler does inside an ioctl is
# the scheduler's, and a fault inside the pager's own code is a fault. *Threads*, by their names, and
# *functions*, by the time in themselves, without what they call.

# The phases in the order of the report; the kernel's are known by names of its functions, which may be
# inlined in one version and not in another.
function kernel(name, pattern) {
        phase[++phases] = name
        match_by[phases] = pattern
}

BEGIN {
        if (!top)
                top = 40
        kernel("kernel: interrupts", "^(asm_sysvec_|sysvec_|asm_common_interrupt|common_interrupt|handle_softirqs|" \
                "__do_softirq|__irq_exit_rcu|el[01]t?_64_irq|gic_handle_irq)")
        kernel("kernel: waiting, waking, switching threads", "^(schedule|__schedule|schedule_.*|preempt_schedule.*|" \
                "finish_task_switch|try_to_wake_up|wake_up_.*|__wake_up.*|do_futex|futex_.*|__x64_sys_futex|" \
                "__x64_sys_sched_.*|__x64_sys_clock_nanosleep|hrtimer_nanosleep|do_nanosleep|do_idle)$")
        kernel("kernel: delivering signals, and returning from them", "^(force_sig.*|send_signal.*|" \
                "arch_do_signal_or_restart|do_signal|do_notify_resume|get_signal|x64_setup_rt_frame|setup_rt_frame|" \
                "get_sigframe|copy_fpstate_to_sigframe|.*_sys_rt_sig.*|restore_sigcontext|fpu__restore_sig)$")
        kernel("UFFDIO_COPY", "^(mfill_atomic_copy|userfaultfd_copy|mcopy_atomic)$")
        kernel("UFFDIO_ZEROPAGE", "^(mfill_atomic_zeropage|userfaultfd_zeropage|mfill_zeropage)$")
        kernel("UFFDIO_MOVE", "^(move_pages|move_pages_.*|userfaultfd_move)$")
        kernel("UFFDIO_WRITEPROTECT", "^(mwriteprotect_range|userfaultfd_writeprotect)$")
        kernel("UFFDIO_CONTINUE", "^(mfill_atomic_continue|mcopy_continue|userfaultfd_continue)$")
        kernel("UFFDIO_POISON", "^(mfill_atomic_poison|userfaultfd_poison)$")
        kernel("userfaultfd: reading messages", "^(userfaultfd_read_iter|userfaultfd_read|userfaultfd_ctx_read)$")
        kernel("userfaultfd: UFFDIO_WAKE, and the rest of ioctl", "^(userfaultfd_ioctl|userfaultfd_wake|wake_userfault)$")
        kernel("madvise", "^(do_madvise|madvise_do_behavior|vector_madvise|.*_sys_(process_)?madvise)$")
        kernel("kernel: the codec of its swapping", "^(LZ4_.*|lz4_.*|lzo1x_.*|lzorle_.*|ZSTD_.*|zstd_.*|zcomp_.*)$")
        kernel("kernel: swapping out", "^(shrink_.*|try_to_free_.*|reclaim_.*|balance_pgdat|swap_writepage.*|swap_writeout|pageout)$")
        kernel("kernel: swapping in", "^(do_swap_page|swapin_.*|swap_read_folio.*|swap_readpage.*|read_swap_cache_async)$")
        kernel("kernel: faults, else", "^(asm_exc_page_fault|exc_page_fault|do_user_addr_fault|handle_mm_fault|" \
                "__handle_mm_fault|handle_userfault|do_mem_abort|do_page_fault|el[01]t?_(da|ia|abort))$")
        kernel("kernel: other system calls, and entering and leaving them", "^(do_syscall_64|" \
                "entry_SYSCALL_64.*|syscall_.*|el0_svc.*|invoke_syscall)$")
        other_kernel = "kernel: else"
        phase[++phases] = other_kernel
        phase[++phases] = codec = "codec"
        phase[++phases] = pager = "the pager's own code"
        phase[++phases] = workload = "the workload itself"
}

# The phase of a kernel function, or "".
function known(name, i) {
        if (!(name in remembered)) {
                remembered[name] = ""
                for (i = 1; i <= phases; i++)
                        if ((i in match_by) && name ~ match_by[i]) {
                                remembered[name] = phase[i]
                                break
                        }
        }
        return remembered[name]
}

function phase_of(n, i, name, kind, in_kernel) {
        for (i = n; i > 1; i--) {
                name = frame[i]
                kind = ""
                if (name ~ /_\[[a-z]\]$/) {
                        kind = substr(name, length(name) - 1, 1)
                        name = substr(name, 1, length(name) - 4)
                }
                if (kind == "k") {
                        in_kernel = 1
                        if (known(name) != "")
                                return known(name)
                } else if (in_kernel)
                        return other_kernel
                else if (kind == "c")
                        return codec
                else if (kind == "l")
                        return pager
                else if (kind == "")
                        return workload
        }
        return in_kernel ? other_kernel : workload
}

{
        n = $NF
        sub(/ [0-9]+$/, "")
        depth = split($0, frame, ";")
        total += n
        threads[frame[1]] += n
        by_phase[phase_of(depth)] += n
        if (depth == 1)
                frame[depth] = "[unknown]"
        functions[frame[depth]] += n
        if (frame[depth] ~ /_\[k\]$/)
                in_kernel += n
}

function share(n) {
        return sprintf("%6.2f %%", 100 * n / total)
}

# The largest of `from` that was not printed, or "" after the last.
function largest(from, name, best) {
        best = ""
        for (name in from)
                if (best == "" || from[name] > from[best] || from[name] == from[best] && name < best)
                        best = name
        return best
}

function table(from, most, name, left, words, how_many) {
        while (most-- > 0 && (name = largest(from)) != "") {
                printf "%s  %s\n", share(from[name]), described(name)
                delete from[name]
        }
        for (name in from) {
                left += from[name]
                how_many++
        }
        if (how_many)
                printf "%s  in %d others\n", share(left), how_many
}

function described(name, kind) {
        if (!match(name, /_\[[kcls]\]$/))
                return kinds ? sprintf("%-8s  %s", name == "[unknown]" ? "" : "program", name) : name
        kind = substr(name, RSTART + 2, 1)
        return sprintf("%-8s  %s", kind == "k" ? "kernel" : kind == "c" ? "codec" : kind == "l" ? "pager" : "library",
                substr(name, 1, RSTART - 1))
}

END {
        if (!total) {
                print "no samples"
                exit 1
        }
        printf "samples: %d, %.1f %% of them in the kernel\n", total, 100 * in_kernel / total
        print "\nPhases"
        for (i = 1; i <= phases; i++)
                if (by_phase[phase[i]])
                        printf "%s  %s\n", share(by_phase[phase[i]]), phase[i]
        print "\nThreads, by name"
        table(threads, 10)
        print "\nFunctions, by the time in themselves"
        kinds = 1
        table(functions, top)
}
