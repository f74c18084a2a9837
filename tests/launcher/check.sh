#!/bin/bash
# SPDX-License-Identifier: MIT
# `unpaged check` says in plain words what this machine allows; its status is that of the verdict.
# shellcheck disable=SC2016
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=support.sh
. "$here/support.sh"

# row NAME STATE: it is in the table
row() {
        check "$1: $2" grep -qE "^  $1 +$2( |$)" out
}

launch check
case $status in
0) check "the verdict" grep -q '^`unpaged run` will page programs here\.$' out ;;
1) check "the verdict" grep -q '^`unpaged run` will not page programs here\.$' out ;;
*) fail "status is neither 0 nor 1" ;;
esac
silent
verdict=$status
check "says which kernel" grep -qF "Linux $(uname -r)" out
check "has the machine's memory" grep -qE '^  machine +[0-9.]+ [KMGT]iB' out
row 'preloaded library' yes
for name in /dev/userfaultfd vm.unprivileged_userfaultfd CAP_SYS_PTRACE; do
        row "$name" '(yes|no)'
done
for name in 'write protection' 'thread id' poison move io_uring; do
        row "$name" '(yes|no)'
done
if [ "$verdict" -eq 0 ]; then
        row 'a pool' yes
        row 'address space to page' yes
        never "a way out where none is needed" grep -q chmod out
fi

# As many ways as the kernel has, and each as it is.
device=no
[ ! -w /dev/userfaultfd ] || device=yes
row /dev/userfaultfd $device
setting=no
[ "$(cat /proc/sys/vm/unprivileged_userfaultfd 2>/dev/null || echo 0)" = 0 ] || setting=yes
row vm.unprivileged_userfaultfd $setting
UNPAGED_MASK_FEATURES=move launch check
check "what hides features is told" grep -q 'UNPAGED_MASK_FEATURES.*move' out
row 'pages of 4 KiB' yes
UNPAGED_MASK_FEATURES=page_4k launch check
ended 1
row 'pages of 4 KiB' no
check "why there is no pool" grep -qE '^  a pool +no +the pages of this kernel are not 4 KiB' out
check "the verdict" grep -q 'will not page' out

# A command with privileges of its file does not listen to its caller.
if [ "$(id -u)" -eq 0 ]; then
        cp bin/unpaged bin/privileged
        chown 65534 bin/privileged
        chmod 4755 bin/privileged
        UNPAGED_MASK_FEATURES=page_4k UNPAGED_PRELOAD_PATH=/nonexistent unpaged=bin/privileged \
                launch check
        row 'pages of 4 KiB' yes
        row 'preloaded library' yes
        never "what is set is told" grep -q UNPAGED_MASK_FEATURES out
else
        skip "a command with privileges: wants root"
fi

# ---- what is missing ------------------------------------------------------------------------

UNPAGED_PRELOAD_PATH=/nonexistent launch check
ended 1
row 'preloaded library' no
check "what would help" grep -q 'install' out

status=0
unprivileged "$unpaged" check >out 2>err || status=$?
silent
if grep -qE '^  a pool +yes' out; then
        skip "everybody may use userfaultfd here"
else
        ended 1
        row 'a pool' no
        row CAP_SYS_PTRACE no
        check "the device" grep -qE 'GROUP="uffd", MODE="0660"|is not there' out
        check "the setting" grep -q 'sysctl -w vm.unprivileged_userfaultfd=1' out
        check "the verdict" grep -q 'will not page' out
fi

if [ -n "${SANITIZED:-}" ]; then
        skip "sanitizers do not stand a limit of address space"
else
        status=0
        (
                ulimit -v 700000
                exec "$unpaged" check
        ) >out 2>err || status=$?
        ended 1
        row 'address space to page' no
        check "the limit" grep -q 'RLIMIT_AS' out
        check "what would help" grep -q 'ulimit -v unlimited' out
fi

finish
