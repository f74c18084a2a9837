#!/bin/bash
# SPDX-License-Identifier: MIT
# tools.sh strace|gdb|core PROGRAM: tracers, debuggers and dumps of a paged program. PROGRAM: `tools`.
# shellcheck source=tests/preload/support.sh
. "$(dirname "$0")/support.sh"

need_paging

# Not timeout(1): the paged program has to be waited for by this shell.
trace() {
        need strace
        strace -o /dev/null true 2>err || skip "ptrace is not permitted: $(tail -n 1 err)"
        launch_set
        limited 200 strace -f -o trace "${launch[@]}" "$program" traced >out 2>err </dev/null ||
                fail "strace -f ends with $?" out err trace
        [ "$(cat out)" = traced ] || fail "the traced program says something else" out err
        stats_are_sound traced
        grep -q 'faccessat\|access(' trace || fail "strace saw no system call of the program" trace
        grep -q 'exited with 3' trace || fail "strace did not follow the child" trace
}

attach() {
        local pid program_pid

        need gdb
        gdb -batch -ex run -ex quit --args true >err 2>&1 </dev/null
        ! grep -q 'ptrace' err || skip "ptrace is not permitted: $(grep -m 1 ptrace err)"
        mkfifo line
        paged "$program" attached <line >out 2>err &
        pid=$!
        exec 7>line
        for ((i = 0; i < 1200; i++)); do
                ! grep -q ready out || break
                sleep 0.1
        done
        # The launcher was replaced by the program, the function's shell perhaps not.
        read -r program_pid <"/proc/$pid/task/$pid/children" || program_pid=$pid
        limited 300 gdb -p "$program_pid" -batch -ex 'thread apply all bt' -ex 'p data[0]' \
                -ex detach >gdb.out 2>&1 </dev/null || fail "gdb ends with $?" gdb.out
        grep -q 'attached\|main' gdb.out || fail "gdb shows no backtrace of the program" gdb.out
        echo go >&7
        exec 7>&-
        # It has an alarm of its own.
        wait "$pid" || fail "after gdb the program ends with $?" out err
        grep -q 'went on' out || fail "after gdb the program did not go on" out err
        stats_are_sound attached
}

dump() {
        local status=0

        ulimit -c unlimited 2>/dev/null || skip "core dumps are not permitted"
        launch_set
        { "${launch[@]}" "$program" dumped >out 2>err || status=$?; } 2>/dev/null
        [ "$status" -eq 134 ] || fail "with a core dump it ends with $status, not 134" out err
        cat out err >spoken
        [ ! -s spoken ] || fail "somebody speaks" spoken
}

program=$2
case $1 in
strace) trace ;;
gdb) attach ;;
core) dump ;;
esac
finish
