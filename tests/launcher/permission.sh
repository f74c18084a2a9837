#!/bin/bash
# SPDX-License-Identifier: MIT
# `unpaged check` says what refuses userfaultfd(2), the kernel or a filter; its rows agree with each
# other, and what it advises helps.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=support.sh
. "$here/support.sh"

# asked COMMAND...: what goes before `unpaged check`. False, and a word, where that cannot be had.
asked() {
        status=0
        "$@" "$unpaged" check >out 2>err || status=$?
        [ "$status" -ne 77 ] && grep -q '^permission' out && return
        skip "$*: $(tail -n 1 err)"
        false
}

row() { # NAME WORDS
        check "$1: $2" grep -qE "^  $1 +$2" out
}

advised() { # WORDS
        check "advises: $1" grep -qF -- "$1" out
}

# Whatever it finds: no row says yes and names an error, and nothing is advised that is so already.
agrees() {
        never "yes, and an error" grep -qE '^  .* yes .*(not permitted|denied|refuses|not implemented)' out
        never "no, and it works" grep -qE '^  .* no .*(may be opened|works)' out
        never "everybody gets the device" grep -qE '0?666' out
        ! grep -qE '^  vm.unprivileged_userfaultfd +yes' out ||
                never "advises the setting that is so" grep -q 'for all users: sysctl' out
        if grep -qE '^  (/dev/userfaultfd|userfaultfd\(2\)) +yes' out; then
                row 'a pool' yes
                never "advises where nothing is amiss" grep -q docker out
        else
                row 'a pool' no
        fi
}

# The device hidden, and the setting what the file `setting` says. The next command sees them.
hidden() {
        unshare -m sh -c '[ ! -e /dev/userfaultfd ] || mount --bind device /dev/userfaultfd
                mount --bind setting /proc/sys/vm/unprivileged_userfaultfd && exec "$@"' sh "$@"
}
: >device

asked && agrees
asked unprivileged && agrees
if grep -qE '^  a pool +no' out; then
        row 'userfaultfd\(2\)' 'no +Operation not permitted$'
        row CAP_SYS_PTRACE 'no +not held'
        advised 'for all users: sysctl -w vm.unprivileged_userfaultfd=1'
        advised 'docker: --device /dev/userfaultfd'
        advised 'podman: --device /dev/userfaultfd'
        advised 'kubernetes: '
        advised 'seccompProfile: {type: Localhost'
        advised 'systemd: DeviceAllow=/dev/userfaultfd rw, SupplementaryGroups=uffd'
        if [ -e /dev/userfaultfd ]; then
                advised 'groupadd -r uffd; usermod -aG uffd'
                advised "echo 'KERNEL==\"userfaultfd\", GROUP=\"uffd\", MODE=\"0660\"'"
        fi
fi

for error in 1 38; do
        asked unprivileged "$FILTER" $error || continue
        agrees
        row 'userfaultfd\(2\)' 'no .*filter of system calls \(seccomp\) refuses it'
        never "advises a setting that does not help" grep -q 'for all users: sysctl' out
        # A filter does not concern the device, nor hide that the capability is there.
        asked "$FILTER" $error || continue
        agrees
        row 'userfaultfd\(2\)' 'no .*filter of system calls \(seccomp\) refuses it'
        [ "$(id -u)" -ne 0 ] || never "a capability that does not count" grep -q 'does not count' out
done

if unprivileged unshare -Ur true 2>err; then
        asked unprivileged unshare -Ur && agrees
        if grep -qE '^  a pool +no' out; then
                row CAP_SYS_PTRACE 'yes +held, but it does not count'
        fi
else
        skip "user namespaces: $(tail -n 1 err)"
fi

for setting in 0 1; do
        echo $setting >setting
        hidden true 2>err || { skip "nothing can be mounted here: $(tail -n 1 err)"; break; }
        for error in 1 38; do
                asked hidden "$FILTER" $error || continue
                agrees
                [ "$setting" -eq 0 ] || row vm.unprivileged_userfaultfd yes
                row 'a pool' 'no +refused'
                advised 'docker: --device /dev/userfaultfd'
        done
done

# What a program that runs unpaged is told, and pg_open tells any other.
if asked unprivileged "$FILTER" 1 && grep -qE '^  a pool +no' out; then
        status=0
        unprivileged "$FILTER" 1 "$unpaged" run --require true >out 2>err || status=$?
        refused 'filter of system calls (seccomp)' '--device /dev/userfaultfd' 'unpaged check'
        status=0
        unprivileged "$unpaged" run --require true >out 2>err || status=$?
        refused 'by a group (`unpaged check` has the commands)'
fi

# The group that is advised is enough.
if [ "$(id -u)" -eq 0 ] && [ -e /dev/userfaultfd ] && minor=$(stat -c '0x%t 0x%T' /dev/userfaultfd) &&
        # shellcheck disable=SC2086
        mknod node c $minor 2>err && chgrp 4242 node && chmod 660 node; then
        cat >member <<'END'
mount --bind node /dev/userfaultfd &&
        exec setpriv --reuid=65534 --regid=65534 --groups=4242 --inh-caps=-all -- "$@"
END
        if asked unshare -m sh member "$FILTER" 1; then
                agrees
                row /dev/userfaultfd yes
                row 'a pool' yes
        fi
else
        skip "no device can be made: $(tail -n 1 err)"
fi

finish
