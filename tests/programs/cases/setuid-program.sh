# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# Nor can one with the set-user-ID bit: the loader of another user's rights takes no orders.
packages="gcc libc6-dev util-linux"
needs="$CC setpriv"
paged=no

prepare() {
        [ "$(id -u)" -eq 0 ] || skip "only root can make a program that is set-user-ID of another"
        compile memory.c || return
        chown 65534 memory && chmod 4755 memory && chmod 711 "$work" "$input" || return
        [ "$(setpriv --reuid=65533 --clear-groups ./memory 1 | grep -c 'euid 65534')" = 1 ] ||
                skip "the folder for temporary files honours no set-user-ID bits"
}

program() {
        "$@" "$input/memory" 20
        chmod 777 .
        # As another user, so that the bit means something.
        setpriv --reuid=65533 --clear-groups "$@" "$input/memory" 20
        chmod 755 .
}
