#!/bin/bash
# SPDX-License-Identifier: MIT
# `unpaged run --swap file:PATH` overwrites nothing that anybody may
# want: content is refused, with the remedy, and so is a device in use.
# shellcheck disable=SC2016
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=support.sh
. "$here/support.sh"

swap() { # PATH: `unpaged run` with it, for one process
        launch run --children off --swap "file:$1" true
}

# kept FILE: it is refused for its content, the message names the remedy, and the content is there.
kept() {
        local before
        before=$(cksum <"$1")
        swap "$1"
        refused "$1" 'content' "$1,force"
        never "advises to cut it off" grep -q truncate err
        check "$1 is as it was" [ "$(cksum <"$1")" = "$before" ]
}

# ---- files ----------------------------------------------------------------------------------

truncate -s 1M sparse
swap sparse
ended 0
silent
swap sparse # it was ours
ended 0
dd if=/dev/zero of=zeros bs=1M count=3 status=none
swap zeros
ended 0

for at in 0 1024 700000 1048570; do
        truncate -s 1M content
        printf 'mine' | dd of=content bs=1 seek="$at" conv=notrunc status=none
        kept content
        rm content
done
head -c 100000 /dev/urandom >document
kept document
swap document,force
ended 0
swap document # it is ours now
ended 0
cp sparse other
printf 'mine' | dd of=other bs=1 seek=2000 conv=notrunc status=none
kept other

# A small file is not to be cut off, or filled up.
echo 'a note' >note
swap note
refused note 'too small'
never "advises to cut it off" grep -q truncate err
check "it is as it was" [ "$(cat note)" = 'a note' ]

# ---- devices --------------------------------------------------------------------------------

device=
release() {
        ! mountpoint -q mnt 2>/dev/null || umount mnt
        [ -z "$device" ] || losetup -d "$device"
        rm -rf "$work"
}
trap release EXIT
mkdir mnt
truncate -s 16M disk
if [ "$(id -u)" -ne 0 ] || ! command -v mkfs.ext4 >/dev/null ||
        ! device=$(losetup -f --show disk 2>/dev/null); then
        device=
        skip "devices: no loop device can be had, or no mkfs.ext4"
        finish
fi
swap "$device"
ended 0
mkfs.ext4 -q "$device"
kept "$device"
if mount "$device" mnt 2>/dev/null; then
        echo 'a file' >mnt/file
        for target in "$device" "$device,force"; do
                swap "$target"
                refused "$device" 'in use' 'mounted'
        done
        check "the file is there" [ "$(cat mnt/file)" = 'a file' ]
        umount mnt
        check "the file system is whole" fsck.ext4 -fn "$device"
else
        skip "mounting is refused here"
fi
swap "$device,force"
ended 0
swap "$device"
ended 0

finish
